"""Extension values and other parts of a TBSCertificate (RFC 5280, 4.1 and 4.2) as text and facts.

Each function takes the octets of one part; those that the certificates of a batch share are
read once.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from functools import lru_cache

from ca.encoding import der
from ca.encoding.oids import KEY_USAGE_BITS, PURPOSES
from ca.errors import MalformedError
from ca.model.certificates import GeneralName, NameKind

TEXT_KINDS: dict[int, NameKind] = {0x81: "email", 0x82: "dns", 0x86: "uri"}
"""Tags of the GeneralNames that are IA5 text (RFC 5280, 4.2.1.6)."""
VERSION_3 = der.tlv(0xA0, der.encode_integer(2))
"""The version field of a certificate with extensions (RFC 5280, 4.1.2.1)."""


def extension(oid: str, value: bytes, *, critical: bool) -> bytes:
    """An Extension; ``value`` is the DER inside its OCTET STRING."""
    flag = b"\x01\x01\xff" if critical else b""
    return der.sequence(der.encode_oid(oid), flag, der.tlv(der.OCTET_STRING, value))


@lru_cache(maxsize=256)
def read_extension(raw: bytes) -> tuple[str, bool, bytes]:
    """OID, criticality and value of an Extension.

    Raises:
        MalformedError: it is none, or spells out that it is not critical (a DEFAULT).
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
    """The bits that are set (4.2.1.3), in RFC 5280 spelling."""
    node = der.read(value)
    if node.tag != der.BIT_STRING or not node.contents:
        raise MalformedError("the key usage is no bit string")
    bits = "".join(f"{octet:08b}" for octet in node.contents[1:])
    names = KEY_USAGE_BITS.values()
    return tuple(name for bit, name in zip(bits, names, strict=False) if bit == "1")


@lru_cache(maxsize=64)
def purposes(value: bytes) -> tuple[str, ...]:
    """The purposes of an ExtKeyUsageSyntax (4.2.1.12) by name, or dotted."""
    oids = [der.oid(node) for node in der.read(value).children()]
    return tuple(PURPOSES.get(oid, oid) for oid in oids)


@lru_cache(maxsize=64)
def authority_key_identifier(value: bytes) -> bytes | None:
    """The keyIdentifier (4.2.1.1), which is the only field where sipca issues one."""
    parts = der.read(value).children()
    if len(parts) != 1 or parts[0].tag != 0x80:
        return None
    return parts[0].contents


def general_names(value: bytes) -> tuple[GeneralName, ...]:
    """The GeneralNames of a SAN (4.2.1.6) of the four kinds that a device page offers.

    Raises:
        MalformedError: a name of another kind, or one that is not written as its kind is.
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
    """Tag and moment of both times of a Validity.

    Raises:
        MalformedError: there are not two times.
    """
    nodes = der.read(raw, what="the validity").children()
    if len(nodes) != 2:
        raise MalformedError("the validity is not two times")
    return tuple((node.tag, _moment(node)) for node in nodes)


def end_of(tbs: bytes) -> int | None:
    """The notAfter of a TBSCertificate in seconds since 1970, or None where it has none."""
    try:
        return int(read_validity(der.split(tbs)[4])[1][1].timestamp())
    except (MalformedError, IndexError):
        return None


def _moment(node: der.Node) -> datetime:
    text = node.contents.decode("ascii", "replace")
    short = node.tag == der.UTC_TIME
    digits = text[:-1]
    if not text.endswith("Z") or not digits.isdigit() or len(digits) != (12 if short else 14):
        raise MalformedError("a time of the validity is not in whole seconds and Z")
    if short:  # 4.1.2.5.1: YY from 50 is 19YY
        digits = ("19" if digits >= "50" else "20") + digits
    parts = (digits[:4], *(digits[place : place + 2] for place in range(4, 14, 2)))
    try:
        year, month, day, hour, minute, second = map(int, parts)
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise MalformedError("a time of the validity is no moment") from None
