"""One TLS handshake as a client that verifies nothing and writes down everything.

pyOpenSSL makes it: Python's own ``ssl`` gives only the leaf before 3.13, tells no alert, and obeys
the system's security level, so that old gear would look like a broken one.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from ca.keys.client import ClientIdentity, present
from ca.model.observations import Handshake, alert_text
from ca.names.hosts import as_address
from ca.wire.connection import CLOSED, Deadline, Limits, connect, reason_of
from ca.wire.requests import Answer, Request, read_answer

VERSIONS = {
    "TLS 1.0": SSL.TLS1_VERSION,
    "TLS 1.1": SSL.TLS1_1_VERSION,
    "TLS 1.2": SSL.TLS1_2_VERSION,
    "TLS 1.3": SSL.TLS1_3_VERSION,
}
EVERY_CIPHER = b"ALL:@SECLEVEL=0"
_READ_ALERT = 0x4004
_CERTIFICATE_REQUEST = b"read server certificate request"
_SETTLING = 1.5
"""Seconds that a peer has to object to a client's certificate where nothing is asked of it."""
_ANSWERING = 4.0
"""Seconds that a peer has to answer a request."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a client offers: one version or all, a server name or none, a certificate or none."""

    version: str = ""
    server_name: str = ""
    certificate: ClientIdentity | None = None
    request: Request | None = None


def shake(host: str, port: int, offer: Offer, limits: Limits) -> tuple[Handshake, tuple[str, ...]]:
    """Connect and shake hands once.

    Returns:
        What was seen, and the addresses of the name that did not answer.

    Raises:
        UnreachableError: no address of the host answers at all.
        KeyUnavailableError: the client certificate cannot be used.
    """
    context = _context(offer)
    reached = connect(host, port, limits)
    with reached.socket as connection:
        return Session(connection, context, offer, limits).observe(), reached.silent


def _context(offer: Offer) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_cipher_list(EVERY_CIPHER)
    low, high = (VERSIONS[offer.version],) * 2 if offer.version else (SSL.TLS1_VERSION, 0)
    context.set_min_proto_version(low)
    context.set_max_proto_version(high)
    if offer.certificate is not None:
        present(offer.certificate, context)
    return context


class Session:
    """A connection during one handshake; the octets pass through here, so that both are bounded."""

    def __init__(
        self, connection: socket.socket, context: SSL.Context, offer: Offer, limits: Limits
    ) -> None:
        self.socket = connection
        self._offer = offer
        self.deadline = Deadline(limits.whole)
        self._octets_left = limits.octets
        self._alert: int | None = None
        self._is_asked = False
        self._is_closed = False
        context.set_info_callback(self._note)
        self.tls = SSL.Connection(context, None)
        self.tls.set_connect_state()
        if offer.server_name and as_address(offer.server_name) is None:
            self.tls.set_tlsext_host_name(offer.server_name.encode("ascii", "ignore"))

    def observe(self) -> Handshake:
        """Shake hands, send the request, read on, and close."""
        failure = self._run(self.tls.do_handshake)
        answer = Answer()
        if not failure:
            answer = self._ask()
        seen = self._seen(failure, answer)
        with suppress(SSL.Error, OSError):
            self.tls.shutdown()
            self.flush()
        return seen

    def _seen(self, failure: str, answer: Answer) -> Handshake:
        if failure and self._alert is not None:
            failure = f"it refused with {alert_text(self._alert)}"
        chain = self.tls.get_peer_cert_chain(as_cryptography=True) or []
        return Handshake(
            version=_version(self.tls.get_protocol_version_name()) if not failure else "",
            cipher=self.tls.get_cipher_name() or "",
            chain=tuple(each.public_bytes(Encoding.DER) for each in chain),
            alert=self._alert,
            asks_certificate=self._is_asked,
            accepted_issuers=tuple(_name(each) for each in self.tls.get_client_ca_list()),
            sent_certificate=self._is_asked and self._offer.certificate is not None,
            failure=failure,
            closed=self._is_closed and not answer.first_line,
            answer=answer.first_line,
            answer_date=answer.date,
        )

    def _note(self, connection: SSL.Connection, where: int, value: int) -> None:
        if where == _READ_ALERT and value & 0xFF:
            self._alert = value & 0xFF
        elif _CERTIFICATE_REQUEST in connection.get_state_string():
            self._is_asked = True

    def _ask(self) -> Answer:
        """Send the request, if there is one, and read on: TLS 1.3 objects after the handshake."""
        request = self._offer.request
        if request is None and not self._is_asked:
            return Answer()
        self.deadline = Deadline(_SETTLING if request is None else _ANSWERING)
        if request is not None:
            data = request.octets(self.socket)
            self._run(lambda: self.tls.sendall(data))  # where it fails, an alert may be there
        received = b""
        while len(received) < self._octets_left:
            block: list[bytes] = []
            stopped = self._run(lambda into=block: into.append(self.tls.recv(4_096)))  # type: ignore[misc]
            if stopped:
                self._is_closed = stopped == CLOSED
                break
            received += block[0]
            if request is not None and request.is_answered(received):
                break
        return read_answer(received)

    def _run(self, step: Callable[[], Any]) -> str:
        """Repeat a step of the TLS engine until it is done; why it failed, or nothing."""
        while True:
            try:
                step()
                self.flush()
            except SSL.WantReadError:
                try:
                    self.flush()
                    self.fill()
                except EOFError:
                    return CLOSED
                except OSError as error:
                    return reason_of(error)
                continue
            except SSL.ZeroReturnError:
                return CLOSED
            except SSL.Error as error:
                with suppress(OSError):
                    self.flush()
                return _reason(error)
            except OSError as error:
                return reason_of(error)
            return ""

    def flush(self) -> None:
        """Send what the TLS engine has ready."""
        while True:
            try:
                data = self.tls.bio_read(65_536)
            except SSL.WantReadError:
                return
            self.socket.settimeout(self.deadline.left())
            self.socket.sendall(data)

    def fill(self) -> None:
        """Receive more for the TLS engine.

        Raises:
            EOFError: the peer closed the connection.
            OSError: it did not send in time, or too much.
        """
        self.socket.settimeout(self.deadline.left())
        data = self.socket.recv(16_384)
        if not data:
            raise EOFError
        self.count(len(data))
        self.tls.bio_write(data)

    def count(self, octets: int) -> None:
        """Count what the peer sent.

        Raises:
            OSError: that is more than any handshake has.
        """
        self._octets_left -= octets
        if self._octets_left < 0:
            raise OSError(0, "the peer sent more than a handshake has")


def _reason(error: SSL.Error) -> str:
    """OpenSSL's last words, as one short sentence."""
    reasons = [entry[-1] for entry in error.args[0]] if error.args else []
    reason = next((each for each in reversed(reasons) if each), "the handshake failed")
    if reason in (
        "wrong version number",
        "http request",
        "packet length too long",
        "record too small",
    ):
        return "what answers there does not speak TLS"
    return reason


def _version(name: str) -> str:
    return name.replace("TLSv1.", "TLS 1.").replace("TLSv1", "TLS 1.0") if name else ""


def _name(name: Any) -> str:
    return ", ".join(
        f"{key.decode('ascii', 'replace')}={value.decode('utf-8', 'replace')}"
        for key, value in name.get_components()
    )
