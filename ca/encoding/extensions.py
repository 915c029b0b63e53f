"""Encode and decode extensions and other parts of a TBSCertificate (RFC 5280, 4.1 and 4.2).

The decoders take the octets of one part and cache their results, since the certificates of a
batch share most parts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from ca.encoding import der
from ca.encoding.oids import KEY_USAGE_BITS, PURPOSES
from ca.errors import MalformedError
from ca.model.certificates import GeneralName, NameKind

TEXT_KINDS: dict[int, NameKind] = {0x81: "email", 0x82: "dns", 0x86: "uri"}
"""Tags of the GeneralNames that are IA5 text (RFC 5280, 4.2.1.6)."""
TEXT_TAGS = {kind: tag for tag, kind in TEXT_KINDS.items()}
VERSION_3 = der.tlv(0xA0, der.encode_integer(2))
"""The version field of a certificate with extensions (RFC 5280, 4.1.2.1)."""


def extension(oid: str, value: bytes, *, critical: bool) -> bytes:
    """Encode an Extension; ``value`` is the DER inside its OCTET STRING."""
    flag = b"\x01\x01\xff" if critical else b""
    return der.sequence(der.encode_oid(oid), flag, der.tlv(der.OCTET_STRING, value))


@lru_cache(maxsize=256)
def read_extension(raw: bytes) -> tuple[str, bool, bytes]:
    """OID, criticality and value of an Extension.

    Raises:
        MalformedError: it is not an Extension, or it encodes critical FALSE, which is the default.
    """
    parts = der.read(raw, what="the extension").children()
    if not 2 <= len(parts) <= 3 or parts[-1].tag != der.OCTET_STRING:
        raise MalformedError("an extension is not a type and a value")
    if len(parts) == 3 and parts[1].raw != b"\x01\x01\xff":
        raise MalformedError("an extension's critical flag is not a TRUE")
    return der.oid(parts[0]), len(parts) == 3, parts[-1].contents


@lru_cache(maxsize=64)
def basic_constraints(value: bytes) -> tuple[bool, int | None]:
    """cA and pathLenConstraint (4.2.1.9)."""
    parts = der.read(value).children()
    is_ca = bool(parts) and parts[0].tag == der.BOOLEAN and any(parts[0].contents)
    length = next((der.integer(part) for part in parts if part.tag == der.INTEGER), None)
    return is_ca, length


@lru_cache(maxsize=64)
def key_usage(value: bytes) -> tuple[str, ...]:
    """The bits that are set (4.2.1.3), named as in RFC 5280."""
    node = der.read(value)
    if node.tag != der.BIT_STRING or not node.contents:
        raise MalformedError("the key usage is not a BIT STRING")
    bits = "".join(f"{octet:08b}" for octet in node.contents[1:])
    names = KEY_USAGE_BITS.values()
    return tuple(name for bit, name in zip(bits, names, strict=False) if bit == "1")


@lru_cache(maxsize=64)
def purposes(value: bytes) -> tuple[str, ...]:
    """The purposes of an ExtKeyUsageSyntax (4.2.1.12), by name or as dotted OIDs."""
    oids = [der.oid(node) for node in der.read(value).children()]
    return tuple(PURPOSES.get(oid, oid) for oid in oids)


@lru_cache(maxsize=64)
def authority_key_identifier(value: bytes) -> bytes | None:
    """The keyIdentifier (4.2.1.1); None unless it is the only field, as sipca issues it."""
    parts = der.read(value).children()
    if len(parts) != 1 or parts[0].tag != 0x80:
        return None
    return parts[0].contents


def encode_general_names(names: Sequence[GeneralName]) -> bytes:
    """The DER of the names of a SAN (4.2.1.6), without the SEQUENCE around them."""
    return b"".join([_encoded(each) for each in names])


def _encoded(name: GeneralName) -> bytes:
    if name.kind == "ip":
        return der.tlv(0x87, ipaddress.ip_address(name.value).packed)
    return der.tlv(TEXT_TAGS[name.kind], name.value.encode("ascii"))


def general_names(value: bytes) -> tuple[GeneralName, ...]:
    """The GeneralNames of a SAN (4.2.1.6), all of the four kinds that a device page offers.

    Raises:
        MalformedError: a name is of another kind, or its value is not valid for its kind.
    """
    return tuple(_general_name(node) for node in der.read(value, what="the SAN").children())


def _general_name(node: der.Node) -> GeneralName:
    kind = TEXT_KINDS.get(node.tag)
    try:
        if kind is not None:
            return GeneralName(kind, node.contents.decode("ascii"))
        if node.tag == 0x87:
            return GeneralName("ip", str(ipaddress.ip_address(node.contents)))
    except ValueError:
        pass
    raise MalformedError(f"the SAN holds a name that cannot be read (tag {node.tag})")


@lru_cache(maxsize=64)
def read_validity(raw: bytes) -> tuple[tuple[int, datetime], ...]:
    """Tag and value of notBefore and notAfter.

    Raises:
        MalformedError: it is not a Validity of two times in whole seconds and UTC.
    """
    nodes = der.read(raw, what="the validity").children()
    if len(nodes) != 2:
        raise MalformedError("the validity is not two times")
    return tuple((node.tag, _moment(node)) for node in nodes)


def end_of(tbs: bytes) -> int | None:
    """The notAfter of a TBSCertificate in seconds since 1970, or None if it does not decode."""
    try:
        return int(read_validity(der.fields_of(tbs)[4])[1][1].timestamp())
    except (MalformedError, IndexError):
        return None


def _moment(node: der.Node) -> datetime:
    text = node.contents.decode("ascii", "replace")
    short = node.tag == der.UTC_TIME
    digits = text[:-1]
    if not text.endswith("Z") or not digits.isdigit() or len(digits) != (12 if short else 14):
        raise MalformedError("a time of the validity is not written in whole seconds and UTC")
    if short:  # 4.1.2.5.1: YY from 50 is 19YY
        digits = ("19" if digits >= "50" else "20") + digits
    parts = (digits[:4], *(digits[place : place + 2] for place in range(4, 14, 2)))
    try:
        year, month, day, hour, minute, second = map(int, parts)
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise MalformedError("a time of the validity is not a valid date and time") from None
