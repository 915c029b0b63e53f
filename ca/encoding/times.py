"""The times of certificates, CRLs and OCSP: written, and read as other people write them.

What may be written is less (RFC 5280, 4.1.2.5) than what is met (X.680, 46 and 47).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ca.encoding import der
from ca.encoding.extensions import read_validity
from ca.encoding.remarks import Remarks
from ca.errors import MalformedError
from ca.model.certificates import Validity

UTC_TIME_BEGINS, UTC_TIME_ENDS = 1950, 2050
"""The years that a UTCTime can say: from the first, and up to the second."""
_TIME = (
    r"(?P<day>\d{6}|\d{8})(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?:[.,]\d{1,20})?"
    r"(?P<zone>Z|[+-]\d{4})?"
)
"""Compiled where it is needed: hardly any certificate asks for it."""


def encode_time(moment: datetime) -> bytes:
    """A Time in whole seconds: UTCTime through 2049, GeneralizedTime from 2050 (4.1.2.5).

    Raises:
        MalformedError: it lies before 1950. RFC 5280 wants UTCTime for all years through 2049,
            and 49 would be read as 2049.
    """
    utc = moment.astimezone(UTC)
    if utc.year < UTC_TIME_BEGINS:
        raise MalformedError(
            f"{utc:%Y-%m-%d} lies before {UTC_TIME_BEGINS}, where the times of X.509 begin"
        )
    if utc.year < UTC_TIME_ENDS:
        return der.tlv(der.UTC_TIME, utc.strftime("%y%m%d%H%M%SZ").encode())
    return generalized_time(utc)


@lru_cache(maxsize=64)
def generalized_time(moment: datetime) -> bytes:
    """A GeneralizedTime in whole seconds, as OCSP and invalidityDate want it of any year."""
    utc = moment.astimezone(UTC)
    return der.tlv(der.GENERALIZED_TIME, f"{utc.year:04}{utc:%m%d%H%M%S}Z".encode())


def tolerant_validity(node: der.Node, remarks: Remarks) -> Validity:
    """Both ends of a validity, whole seconds in UTC.

    Raises:
        MalformedError: one of them says no moment.
    """
    try:
        (_, begins), (_, ends) = read_validity(node.raw)
    except MalformedError:
        begins, ends = _loosely(node, remarks)
    return Validity(begins, ends)


def _loosely(node: der.Node, remarks: Remarks) -> tuple[datetime, datetime]:
    ends = node.children()
    if len(ends) != 2:
        raise MalformedError("the certificate's validity is not two times")
    for name, end in zip(("notBefore", "notAfter"), ends, strict=True):
        try:
            read_validity(der.sequence(end.raw, end.raw))
        except MalformedError:
            remarks.odd(f"its {name} is not written in whole seconds and Z")
    return _moment(ends[0], "notBefore"), _moment(ends[1], "notAfter")


def _moment(node: der.Node, name: str) -> datetime:
    read = re.fullmatch(_TIME, node.contents.decode("latin-1"), re.ASCII)
    short = node.tag == der.UTC_TIME
    if read is None or node.tag not in (der.UTC_TIME, der.GENERALIZED_TIME):
        raise MalformedError(f"the certificate's {name} is no time")
    day = read["day"]
    if len(day) != (6 if short else 8):
        raise MalformedError(f"the certificate's {name} is no time")
    if short:  # 4.1.2.5.1: YY from 50 is 19YY
        day = ("19" if int(day[:2]) >= UTC_TIME_BEGINS % 100 else "20") + day
    zone = read["zone"] or "Z"
    try:
        second = min(int(read["second"] or 0), 59)  # a leap second
        moment = datetime(
            int(day[:4]), int(day[4:6]), int(day[6:]), int(read["hour"]), int(read["minute"]),
            second, tzinfo=UTC,
        )  # fmt: skip
        return moment if zone == "Z" else moment - _offset(zone)
    except (ValueError, OverflowError):
        raise MalformedError(f"the certificate's {name} is no moment") from None


def _offset(zone: str) -> timedelta:
    span = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    return -span if zone[0] == "-" else span
