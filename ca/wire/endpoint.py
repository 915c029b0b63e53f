"""Look at one address from all sides: every version, with and without name and certificate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from ca.errors import CAError, UnreachableError
from ca.keys.client import ClientIdentity
from ca.model.observations import Endpoint, Handshake
from ca.wire.connection import Limits
from ca.wire.dtls import shake_datagrams
from ca.wire.requests import Request, Service
from ca.wire.tls import VERSIONS, Offer, shake

SERVICE_OF_PORT: dict[int, Service] = {443: "https", 8443: "https", 992: "tls", 23: "tls"}


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How to look: the name to ask for, the client's files, and whether one handshake is enough.

    ``mark``: random characters for requests.
    """

    name: str
    mark: str
    service: Service | None = None
    certificate: ClientIdentity | None = None
    brief: bool = False
    limits: Limits = Limits()


def observe(host: str, port: int, look: Look, clock: Callable[[], datetime]) -> Endpoint:
    """Shake hands with an address in every way that may matter.

    After a first handshake in which the peer says nothing, or no TLS, it is left alone.

    Raises:
        UnreachableError: no address of the host answers.
        KeyUnavailableError: the client certificate cannot be used.
    """
    service = look.service or SERVICE_OF_PORT.get(port, "sip")
    request = None if service == "tls" else Request(service, host, port, look.mark)
    plain = Offer(server_name=look.name)
    own = msgspec.structs.replace(plain, certificate=look.certificate)
    usual_offer = msgspec.structs.replace(own, request=request)
    usual, silent = shake(host, port, usual_offer, look.limits)
    seen = Endpoint(
        host=host,
        port=port,
        name=look.name,
        at=clock(),
        service=service,
        usual=usual,
        silent_addresses=silent,
    )
    if look.brief or (not usual.complete and usual.alert is None):
        return seen
    return msgspec.structs.replace(
        seen,
        versions={
            version: _shaken(host, port, msgspec.structs.replace(own, version=version), look)
            for version in VERSIONS
        },
        without_name=_shaken(host, port, Offer(certificate=look.certificate), look),
        without_certificate=_shaken(host, port, plain, look) if look.certificate else None,
        dtls=_datagrams(host, port, plain, look) if service == "sip" else None,
    )


def _shaken(host: str, port: int, offer: Offer, look: Look) -> Handshake:
    """One more handshake; a failure to connect is what was seen."""
    try:
        return shake(host, port, offer, look.limits)[0]
    except CAError as error:
        return Handshake(failure=error.message)


def _datagrams(host: str, port: int, offer: Offer, look: Look) -> Handshake | None:
    limits = msgspec.structs.replace(look.limits, whole=min(3.0, look.limits.whole))
    try:
        seen = shake_datagrams(host, port, offer, limits)
    except UnreachableError:
        return None
    return seen if seen.chain or seen.alert is not None or seen.complete else None
