"""Parts of a CRL in DER: encode an entry (RFC 5280, 5.1.2.6 and 5.3), read its nextUpdate."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.encoding.der import (
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    Node,
    encode_enumerated,
    encode_integer,
    encode_oid,
    first,
    integer,
    read,
    sequence,
    serial_number,
    serial_octets,
    signed_parts,
    tlv,
)
from ca.encoding.extensions import read_extension, read_validity
from ca.encoding.oids import CRL_NUMBER, INVALIDITY_DATE, REASON_CODE
from ca.encoding.times import encode_time, generalized_time
from ca.errors import MalformedError
from ca.model.status import REASONS


class RevokedSerial(msgspec.Struct, frozen=True):
    """An entry of a CRL: serial as ``serial_octets`` has it, reason in our spelling."""

    serial: bytes
    revoked_at: datetime
    reason: str


class CRLFacts(msgspec.Struct, frozen=True):
    """A decoded CRL: its signed octets, its number (None without one), its entries."""

    issuer_der: bytes
    tbs: bytes
    algorithm: bytes
    signature: bytes
    number: int | None
    entries: tuple[RevokedSerial, ...]


REASON_CODES: dict[str, int] = {reason: code for code, reason in enumerate(REASONS)}

_EXTENSIONS = 0xA0
_REASON_CODE, _INVALIDITY_DATE = encode_oid(REASON_CODE), encode_oid(INVALIDITY_DATE)


def entry(
    serial: bytes, revoked_at: datetime, reason: str, invalid_since: datetime | None = None
) -> bytes:
    """Encode a revokedCertificates entry; the reason ``unspecified`` is omitted (5.3.1)."""
    extensions = b""
    if REASON_CODES[reason]:
        code = encode_enumerated(REASON_CODES[reason])
        extensions += sequence(_REASON_CODE, tlv(OCTET_STRING, code))
    if invalid_since is not None:
        date = tlv(OCTET_STRING, generalized_time(invalid_since))
        extensions += sequence(_INVALIDITY_DATE, date)
    fields = encode_integer(serial_number(serial)) + encode_time(revoked_at)
    return sequence(fields, sequence(extensions) if extensions else b"")


def next_update(start: bytes) -> datetime:
    """The nextUpdate of a CRL (RFC 5280, 5.1), of which ``start`` may be only the beginning.

    Raises:
        MalformedError: it is not the beginning of a version 2 CRL with a nextUpdate.
    """
    rest = _start_of_contents(_start_of_contents(start))  # of CertificateList, of TBSCertList
    times = b""
    for expected in (INTEGER, SEQUENCE, SEQUENCE, None, None):  # version, signature, issuer
        field = first(rest)
        if expected not in (None, field.tag):
            raise MalformedError("this is not a version 2 CRL")
        times += b"" if expected else field.raw
        rest = rest[field.end :]
    return read_validity(sequence(times))[1][1]


def read_crl(data: bytes) -> CRLFacts:
    """Decode a CRL (RFC 5280, 5.1), tolerantly: entries of any serial, any version.

    Raises:
        MalformedError: it is not one.
    """
    tbs, algorithm, signature = signed_parts(data, what="the CRL")
    fields = tbs.children()
    if len(fields) < 3:
        raise MalformedError("this is not a CRL")
    if fields[0].tag == INTEGER:
        fields = fields[1:]
    listed: tuple[RevokedSerial, ...] = ()
    number = None
    for field in fields[2:]:
        if field.tag == SEQUENCE:
            listed = tuple(_entry(each) for each in field.children())
        elif field.tag == _EXTENSIONS:
            number = _number(field)
    return CRLFacts(fields[1].raw, tbs.raw, algorithm.raw, signature, number, listed)


def _entry(node: Node) -> RevokedSerial:
    serial, revoked_at, *rest = node.children()
    reason = REASONS[0]
    for raw in [each.raw for extensions in rest for each in extensions.children()]:
        oid, _, value = read_extension(raw)
        code = int.from_bytes(read(value).contents, "big") if oid == REASON_CODE else 0
        reason = REASONS[code] if 0 < code < len(REASONS) else reason
    since = read_validity(sequence(revoked_at.raw, revoked_at.raw))[0][1]
    return RevokedSerial(serial_octets(integer(serial)), since, reason)


def _number(field: Node) -> int | None:
    for extension in read(field.contents).children():
        oid, _, value = read_extension(extension.raw)
        if oid == CRL_NUMBER:
            return integer(read(value))
    return None


def _start_of_contents(data: bytes) -> bytes:
    """The contents of a TLV that may be cut off."""
    return data[2 + (data[1] & 0x7F if data[1] & 0x80 else 0) :] if len(data) > 1 else b""
