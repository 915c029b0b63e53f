"""A device's REST session, as ``push`` and ``pull`` open it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from ca.authority.devices.device import find_device
from ca.authority.home import Home
from ca.authority.lineage import trusted
from ca.encoding import pem
from ca.errors import MalformedError, NotFoundError, PolicyError, VerificationError
from ca.profiles.target import Target
from ca.store.devices import DeviceRow
from ca.wire.connection import Limits, split_address
from ca.wire.rest import Access, DeviceAPI, opened
from ca.wire.tls import Offer, shake

HTTPS_PORT = 443


class Credentials(msgspec.Struct, frozen=True):
    """The user and password of the device's web interface; neither is kept anywhere."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(...)"


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How a device is reached: its address if it is not the registered one, and its TLS.

    ``pin`` is the SHA-256 (hex) of the certificate that its web interface shows.
    """

    credentials: Credentials
    address: str | None = None
    pin: str | None = None
    insecure: bool = False


class Place(msgspec.Struct, frozen=True):
    """A device, its TLS context, its target, and where its web interface is."""

    device: DeviceRow
    context: int
    target: Target
    host: str
    port: int

    @property
    def label(self) -> str:
        """The device and context for people."""
        return f"{self.device.name} context {self.context}"

    @property
    def address(self) -> str:
        """Host and port."""
        return self.host if self.port == HTTPS_PORT else f"{self.host}:{self.port}"


def place_of(home: Home, name: str, context: int | None, address: str | None) -> Place:
    """Where a device is.

    Raises:
        NotFoundError: there is no such device, or it has no address.
        PolicyError: its target has no documented REST interface.
    """
    device = find_device(home, name)
    target = home.library.target(device.target or home.target)
    if not target.rest.certificate:
        raise PolicyError(
            f"no REST interface is documented for '{device.name}', a {target.name}",
            hint=f"sipca export {device.name} --out DIR --target {target.name} writes its kit",
            rule="no-rest",
        )
    where = address or next(iter(device.addresses), None)
    if where is None:
        raise NotFoundError(
            f"'{device.name}' has no address in the register",
            hint=f"sipca device set {device.name} --address A, or give --address",
        )
    host, port = split_address(f"[{where}]" if where.count(":") > 1 else where, HTTPS_PORT)
    known = device.context if context is None else context
    return Place(device, known or 0, target, host, port)


@contextmanager
def session(home: Home, place: Place, reach: Reach) -> Iterator[DeviceAPI]:
    """An open session with the device.

    Raises:
        CAError: it cannot be reached, is not the one that is trusted, or refuses.
    """
    pinned = None if reach.pin is None else _pinned(place, reach.pin)
    roots = "".join(pem.encode(ca.facts.der) for ca in trusted(home) if ca.role == "root")
    access = Access(
        host=place.host,
        port=place.port,
        user=reach.credentials.user,
        password=reach.credentials.password,
        roots=roots,
        pinned=pinned,
        insecure=reach.insecure,
    )
    with opened(access, place.target.rest) as api:
        yield api


def _pinned(place: Place, pin: str) -> bytes:
    """The certificate that the device shows, if its fingerprint is the pinned one.

    Raises:
        MalformedError: the pin is no SHA-256.
        VerificationError: the device shows another certificate.
    """
    from hashlib import sha256

    wanted = pin.replace(":", "").casefold()
    if len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
        raise MalformedError(
            "--pin is not the SHA-256 of a certificate in hex",
            hint=f"sipca doctor {place.host}:{place.port} --json has it as fingerprint",
        )
    seen, _ = shake(place.host, place.port, Offer(server_name=place.host), Limits())
    shown = sha256(seen.chain[0]).hexdigest() if seen.chain else "none"
    if shown != wanted:
        raise VerificationError(
            f"the web interface of {place.host} shows the certificate {shown[:16]}..., not the "
            f"pinned {wanted[:16]}...",
            hint="was its certificate replaced, or is another device at this address?",
        )
    return seen.chain[0]
