"""``sipca serve`` as a process of its own, and raw HTTP to it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from stand_in.lab import ROOT
from stand_in.waiting import until

RUN = "from cli.main import main; main()"


class Service:
    """A running server: its ports, its process, what it said."""

    def __init__(self, home: Path, log: Path, *words: str, before: Sequence[str] = ()) -> None:
        self.log = log
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SIPCA_")}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *before, sys.executable, "-c", RUN, "serve", "--ocsp-port", "0", "--http-port", "0",
                    "--home", str(home), *words,
                ],
                env=environment | {"PYTHONPATH": str(ROOT)}, stdout=output, stderr=output,
            )  # fmt: skip
        self.ocsp_port, self.http_port = self._ports()
        self._wait_until_it_answers()

    @property
    def ocsp(self) -> str:
        """The URL of the responder."""
        return f"http://127.0.0.1:{self.ocsp_port}/"

    @property
    def http(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.http_port}"

    def said(self) -> str:
        """Everything it printed so far."""
        return self.log.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)

    def raw(self, data: bytes, *, port: int | None = None, wait: float = 5) -> bytes:
        """What comes back over a connection that sends these octets, until it is closed."""
        with socket.create_connection(("127.0.0.1", port or self.http_port), wait) as connection:
            connection.sendall(data)
            connection.settimeout(wait)
            received = b""
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                while piece := connection.recv(65536):
                    received += piece
            return received

    def _ports(self) -> tuple[int, int]:
        def ports() -> list[str]:
            return re.findall(r"http://\S+?:([0-9]+)/", self.said())

        until(lambda: len(ports()) >= 2 or self.process.poll() is not None)
        assert len(ports()) >= 2, (self.process.poll(), self.said())
        return int(ports()[0]), int(ports()[1])

    def _wait_until_it_answers(self) -> None:
        def answers() -> bool:
            with contextlib.suppress(OSError):
                return self.raw(b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1")
            return False

        assert until(answers), self.said()


@contextlib.contextmanager
def serving(home: Path, log: Path, *words: str, before: Sequence[str] = ()) -> Iterator[Service]:
    """A server that ends with the block."""
    service = Service(home, log, *words, before=before)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.process.kill()
            service.process.wait()
