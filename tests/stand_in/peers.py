"""TLS peers on loopback: openssl with the files of a lab, and peers that misbehave."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from stand_in.waiting import until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def takes_connections(port: int, host: str = "127.0.0.1") -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


@contextlib.contextmanager
def serving_tls(
    folder: Path, stem: str, *extra: str, chain: bool = True, host: str = "127.0.0.1"
) -> Iterator[int]:
    """``openssl s_server`` with a certificate and key of a folder; its port."""
    port = free_port()
    command = [
        "openssl", "s_server", "-accept", f"{host}:{port}", "-quiet",
        "-cert", f"{stem}-device.pem", "-key", f"{stem}.key",
        *(["-cert_chain", "trusted-2-issuing.pem"] if chain else []), *extra,
    ]  # fmt: skip
    server = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert until(lambda: takes_connections(port, host.strip("[]")) or server.poll() is not None)
        assert server.poll() is None
        yield port
    finally:
        server.kill()
        server.wait(timeout=10)


@contextlib.contextmanager
def misbehaving(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A TCP listener whose every connection is left to a function; its port.

    The event is set when the test is over.
    """
    over = threading.Event()
    threads: list[threading.Thread] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=run, args=(connection,))
            thread.start()
            threads.append(thread)

    def run(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            behave(connection, over)

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(10)
        for thread in threads:
            thread.join(10)


@contextlib.contextmanager
def answering_tls(folder: Path, stem: str, answer: bytes) -> Iterator[int]:
    """A TLS listener that gives one answer to whatever it is asked; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{stem}-fullchain.pem", folder / f"{stem}.key")

    def behave(connection: socket.socket, over: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            if secured.recv(4_096):
                secured.sendall(answer)

    with misbehaving(behave) as port:
        yield port


class Recorder:
    """What a listener heard inside TLS, and why handshakes failed."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.refused: list[str] = []

    @property
    def is_done(self) -> bool:
        return bool(self.heard or self.refused)


@contextlib.contextmanager
def presenting_fixture(
    folder: Path, name: str, answer: bytes = b""
) -> Iterator[tuple[int, Recorder]]:
    """A TLS listener with a fixture's certificate; its port, and what it hears."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    place = folder / name / name
    context.load_cert_chain(f"{place}-fullchain.pem", f"{place}.key")
    recorder = Recorder()

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.settimeout(20)
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                if data := secured.recv(8_192):
                    recorder.heard.append(data)
                    if answer:
                        secured.sendall(answer)
                        over.wait(5)
                else:
                    recorder.refused.append("closed")
        except ssl.SSLError as error:
            recorder.refused.append(str(error))

    with misbehaving(behave) as port:
        yield port, recorder
