"""``index.txt`` of ``openssl ca`` and easy-rsa: one line a certificate, tabs between its fields."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from ca.encoding.der import SET, UTF8_STRING, encode_oid, sequence, tlv
from ca.encoding.oids import ATTRIBUTE_TYPES
from ca.errors import MalformedError

_TYPES = {name.casefold(): oid for oid, name in ATTRIBUTE_TYPES.items()}
_ATTRIBUTE = re.compile(r"/(?=[A-Za-z0-9.]{1,40}=)")
_REASONS = {
    "unspecified": "unspecified",
    "keycompromise": "key-compromise",
    "keytime": "key-compromise",
    "cacompromise": "ca-compromise",
    "cakeytime": "ca-compromise",
    "affiliationchanged": "affiliation-changed",
    "superseded": "superseded",
    "cessationofoperation": "cessation",
    "certificatehold": "hold",
    "holdinstruction": "hold",
}


class IndexLine(msgspec.Struct, frozen=True):
    """One certificate of an index.

    ``status`` is "V", "R" or "E"; ``reason`` is in our spelling; ``subject`` as ``/C=US/CN=x``.
    """

    status: str
    not_after: datetime
    serial: int
    file: str
    subject: str
    revoked_at: datetime | None = None
    reason: str = "unspecified"
    invalid_since: datetime | None = None


def read_index_line(line: str) -> IndexLine:
    """Decode one line.

    Raises:
        MalformedError: it is not one.
    """
    fields = line.rstrip("\r\n").split("\t")
    if len(fields) != 6 or fields[0] not in ("V", "R", "E"):
        raise MalformedError("it has no status, end, revocation, serial, file and subject")
    status, end, revocation, serial, file, subject = fields
    if not re.fullmatch(r"-?[0-9A-Fa-f]{1,400}", serial):
        raise MalformedError(f"'{serial[:40]}' is not a serial number")
    number = int(serial, 16)
    if status != "R":
        return IndexLine(status, index_time(end), number, file, subject)
    since, _, why = revocation.partition(",")
    word, _, argument = why.partition(",")
    is_dated = word.casefold() in ("keytime", "cakeytime") and argument
    return IndexLine(
        status,
        index_time(end),
        number,
        file,
        subject,
        index_time(since),
        _REASONS.get(word.casefold(), "unspecified"),
        index_time(argument) if is_dated else None,
    )


def index_time(text: str) -> datetime:
    """A time of an index: UTCTime, or GeneralizedTime from 2050 on.

    Raises:
        MalformedError: it is neither.
    """
    text = text.strip()
    try:
        if len(text) == 13:
            century = "20" if text[:2] < "50" else "19"
            return datetime.strptime(century + text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise MalformedError(f"'{text[:40]}' is not a time as YYMMDDHHMMSSZ") from None


def subject_der(text: str) -> bytes:
    """A Name in DER from the one-line form of an index; types that sipca does not know are left."""
    names: list[bytes] = []
    for part in _ATTRIBUTE.split(text):
        kind, separator, value = part.partition("=")
        oid = _TYPES.get(kind.casefold())
        if separator and oid is not None:
            attribute = sequence(encode_oid(oid), tlv(UTF8_STRING, value.encode()))
            names.append(tlv(SET, attribute))
    return sequence(*names)
