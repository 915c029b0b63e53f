"""Spans of time and dates as they are spelled on the command line and in profiles."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from ca.errors import MalformedError

UNITS = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}
MAX_SPAN = timedelta(days=365 * 100)
FIRST_YEAR, LAST_YEAR = 1950, 9998
_SPAN = re.compile(r"([0-9]{1,6})([hdwy])", re.ASCII)


def parse_span(text: str) -> timedelta:
    """A span such as ``36h``, ``90d``, ``12w``, ``2y`` (a year has 365 days), at most 100 y.

    Raises:
        MalformedError: it is spelled otherwise, is nothing, or is longer.
    """
    match = _SPAN.fullmatch(text)
    span = int(match[1]) * UNITS[match[2]] if match else timedelta(0)
    if not timedelta(0) < span <= MAX_SPAN:
        raise MalformedError(
            f"'{text}' is no span of time between 1h and 100y",
            hint="spell it 36h, 90d, 12w or 2y",
        )
    return span


def parse_lifetime(text: str) -> timedelta | datetime | str:
    """A span, a date (its last second, UTC), or the word ``max``.

    Raises:
        MalformedError: it is none of them.
    """
    if text == "max":
        return text
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        try:
            return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
        except ValueError:
            raise MalformedError(f"'{text}' is no day of the calendar") from None
    return parse_span(text)


def parse_moment(text: str) -> datetime:
    """A moment in UTC: ``2026-11-23`` (its first second) or ``2026-11-23T08:00:00Z``.

    Raises:
        MalformedError: it is neither, or of no year from 1950 to 9998: certificates begin no
            earlier (RFC 5280, 4.1.2.5.1), and time can be reckoned with on both sides.
    """
    try:
        read = datetime.fromisoformat(text)
        moment = read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise MalformedError(
            f"'{text}' is no date or moment", hint="spell it 2026-11-23 or 2026-11-23T08:00:00Z"
        ) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise MalformedError(f"'{text}' is not between {FIRST_YEAR} and {LAST_YEAR}")
    return moment


def spell(span: timedelta) -> str:
    """A span for people: whole days where it is whole days, else hours."""
    hours = int(span.total_seconds() // 3600)
    return f"{hours // 24} d" if hours % 24 == 0 and hours else f"{hours} h"
