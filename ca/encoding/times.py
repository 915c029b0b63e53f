"""Encode the times of certificates, CRLs and OCSP, and tolerantly decode a validity.

RFC 5280, 4.1.2.5 permits fewer forms than X.680, 46 and 47, which foreign certificates also use.
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
"""The years that a UTCTime can encode: the first one, and the first one after them."""
_TIME = (
    r"(?P<day>\d{6}|\d{8})(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?:[.,]\d{1,20})?"
    r"(?P<zone>Z|[+-]\d{4})?"
)
"""Compiled only when needed: hardly any certificate has such times."""


def encode_time(moment: datetime) -> bytes:
    """Encode a Time in whole seconds: UTCTime through 2049, GeneralizedTime from 2050 (4.1.2.5).

    Raises:
        MalformedError: it is before 1950. RFC 5280 requires UTCTime for all years through 2049,
            and the year 49 would be read as 2049.
    """
    utc = moment.astimezone(UTC)
    if utc.year < UTC_TIME_BEGINS:
        raise MalformedError(
            f"{utc:%Y-%m-%d} is before {UTC_TIME_BEGINS}, the first year that X.509 can encode"
        )
    if utc.year < UTC_TIME_ENDS:
        return der.tlv(der.UTC_TIME, utc.strftime("%y%m%d%H%M%SZ").encode())
    return generalized_time(utc)


@lru_cache(maxsize=64)
def generalized_time(moment: datetime) -> bytes:
    """Encode a GeneralizedTime in whole seconds, which OCSP and invalidityDate always use."""
    utc = moment.astimezone(UTC)
    return der.tlv(der.GENERALIZED_TIME, f"{utc.year:04}{utc:%m%d%H%M%S}Z".encode())


def tolerant_validity(node: der.Node, remarks: Remarks) -> Validity:
    """Decode a Validity whose times may have any form that X.680 permits; whole seconds, UTC.

    Raises:
        MalformedError: it is not two times.
    """
    try:
        (_, not_before), (_, not_after) = read_validity(node.raw)
    except MalformedError:
        not_before, not_after = _read_leniently(node, remarks)
    return Validity(not_before, not_after)


def _read_leniently(node: der.Node, remarks: Remarks) -> tuple[datetime, datetime]:
    times = node.children()
    if len(times) != 2:
        raise MalformedError("the certificate's validity is not two times")
    for name, time in zip(("notBefore", "notAfter"), times, strict=True):
        try:
            read_validity(der.sequence(time.raw, time.raw))
        except MalformedError:
            remarks.odd(f"its {name} is not written in whole seconds and UTC")
    return _moment(times[0], "notBefore"), _moment(times[1], "notAfter")


def _moment(node: der.Node, name: str) -> datetime:
    match = re.fullmatch(_TIME, node.contents.decode("latin-1"), re.ASCII)
    short = node.tag == der.UTC_TIME
    if match is None or node.tag not in (der.UTC_TIME, der.GENERALIZED_TIME):
        raise MalformedError(f"the certificate's {name} is not a time")
    day = match["day"]
    if len(day) != (6 if short else 8):
        raise MalformedError(f"the certificate's {name} is not a time")
    if short:  # 4.1.2.5.1: YY from 50 is 19YY
        day = ("19" if int(day[:2]) >= UTC_TIME_BEGINS % 100 else "20") + day
    zone = match["zone"] or "Z"
    try:
        second = min(int(match["second"] or 0), 59)  # a leap second
        moment = datetime(
            int(day[:4]), int(day[4:6]), int(day[6:]), int(match["hour"]), int(match["minute"]),
            second, tzinfo=UTC,
        )  # fmt: skip
        return moment if zone == "Z" else moment - _offset(zone)
    except (ValueError, OverflowError):
        raise MalformedError(f"the certificate's {name} is not a valid date and time") from None


def _offset(zone: str) -> timedelta:
    span = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    return -span if zone[0] == "-" else span
