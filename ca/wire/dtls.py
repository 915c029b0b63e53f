"""One DTLS handshake over UDP, as a client that verifies nothing."""

from __future__ import annotations

import socket

from OpenSSL import SSL

from ca.errors import UnreachableError
from ca.keys.client import present
from ca.model.observations import Handshake
from ca.wire.connection import Limits, addresses_of
from ca.wire.tls import EVERY_CIPHER, Offer, Session

_ROUND = 1.0
"""Seconds until a flight is sent again (RFC 6347, 4.2.4.1)."""


def shake_datagrams(host: str, port: int, offer: Offer, limits: Limits) -> Handshake:
    """Shake hands by DTLS 1.0 to 1.2 with the first address of a host.

    Raises:
        UnreachableError: the name has no address, or nothing takes datagrams there.
    """
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.set_cipher_list(EVERY_CIPHER)
    if offer.certificate is not None:
        present(offer.certificate, context)
    family, address = addresses_of(host, port, socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        try:
            connection.connect(address)
        except OSError as error:
            raise UnreachableError(
                f"{host} port {port} takes no datagrams: {error.strerror}"
            ) from None
        session = _DatagramSession(connection, context, offer, limits)
        return session.observe()


class _DatagramSession(Session):
    """The same over datagrams, of which any may be lost."""

    def fill(self) -> None:
        left = self.deadline.left()
        self.socket.settimeout(min(_ROUND, left))
        try:
            data = self.socket.recv(65_536)
        except TimeoutError:
            self.deadline.left()
            self.tls.DTLSv1_handle_timeout()
            self.flush()
            return
        self.count(len(data))
        self.tls.bio_write(data)
