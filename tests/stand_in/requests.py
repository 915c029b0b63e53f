"""Requests put together octet by octet, with anything in them that a device might write."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import EC_KEY
from stand_in.odd import ECDSA, SAN, SPKI, extension

from ca.encoding import der

CN, O, OU = "2.5.4.3", "2.5.4.10", "2.5.4.11"
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"


def rdn(oid: str, tag: int, contents: bytes) -> bytes:
    """A part of a subject with one attribute."""
    return der.tlv(der.SET, der.sequence(der.encode_oid(oid), der.tlv(tag, contents)))


def attribute(oid: str, *values: bytes) -> bytes:
    """An attribute of a request: a type and a set of values."""
    return der.sequence(der.encode_oid(oid), der.tlv(der.SET, b"".join(values)))


def request(
    *rdns: bytes,
    attributes: bytes | None = b"",
    version: int = 0,
    spki: bytes = SPKI,
    extra: bytes = b"",
) -> bytes:
    """A request signed by the EC key; its last field may be missing, and others may follow."""
    fields = [der.encode_integer(version), der.sequence(*rdns), spki]
    if attributes is not None:
        fields.append(der.tlv(0xA0, attributes))
    info = der.sequence(*fields, extra)
    return der.signed(info, ECDSA, EC_KEY.sign(info, ec.ECDSA(hashes.SHA256())))


def with_extensions(*extensions: bytes) -> bytes:
    """A request that asks for these extensions."""
    return request(attributes=attribute(EXTENSION_REQUEST, der.sequence(*extensions)))


def with_names(*names: bytes, critical: bytes = b"") -> bytes:
    """A request that asks for a SAN of these encoded names."""
    return with_extensions(extension(SAN, der.sequence(*names), critical))
