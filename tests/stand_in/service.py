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

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
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


def ocsp_request(folder: Path, nonce: bytes = b"") -> bytes:
    """An OCSP request for sbc1's certificate among the files of ``sign --out``."""
    leaf = x509.load_pem_x509_certificate((folder / "sbc1-device.pem").read_bytes())
    issuer = x509.load_pem_x509_certificate((folder / "trusted-2-issuing.pem").read_bytes())
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1())
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def ocsp_get(request_der: bytes, *, version: str = "1.1", close: bool = True) -> bytes:
    """An HTTP request by GET that asks it."""
    from base64 import b64encode
    from urllib.parse import quote

    path = quote(b64encode(request_der), safe="")
    closing = "Connection: close\r\n" if close else ""
    return f"GET /{path} HTTP/{version}\r\nHost: x\r\n{closing}\r\n".encode()
