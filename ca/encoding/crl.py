"""Parts of a CRL in DER: encode an entry (RFC 5280, 5.1.2.6 and 5.3), read its nextUpdate."""

from __future__ import annotations

from datetime import datetime

from ca.encoding.der import (
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    encode_enumerated,
    encode_integer,
    encode_oid,
    first,
    sequence,
    tlv,
)
from ca.encoding.extensions import read_validity
from ca.encoding.oids import INVALIDITY_DATE, REASON_CODE
from ca.encoding.times import encode_time, generalized_time
from ca.errors import MalformedError
from ca.model.status import REASONS

REASON_CODES: dict[str, int] = {reason: code for code, reason in enumerate(REASONS)}

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
    fields = encode_integer(int.from_bytes(serial, "big")) + encode_time(revoked_at)
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


def _start_of_contents(data: bytes) -> bytes:
    """The contents of a TLV that may be cut off."""
    return data[2 + (data[1] & 0x7F if data[1] & 0x80 else 0) :] if len(data) > 1 else b""
