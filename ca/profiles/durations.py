"""Durations and dates as they are written on the command line and in profiles."""

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
SPANS = "36h, 90d, 12w or 2y"
LIFETIMES = "36h, 90d, 12w, 2y, the last day as 2028-01-31, or max"
MOMENTS = "2026-11-23 or 2026-11-23T08:00:00Z"
"""The forms, for messages."""
_SPAN = re.compile(r"([0-9]{1,6})([hdwy])", re.ASCII)


def parse_span(text: str) -> timedelta:
    """Parse a duration such as ``36h``, ``90d``, ``12w``, ``2y``: 1 hour to 100 years of 365 days.

    Raises:
        MalformedError: it has another form, is zero, or is longer than 100 years.
    """
    match = _SPAN.fullmatch(text)
    span = int(match[1]) * UNITS[match[2]] if match else timedelta(0)
    if not timedelta(0) < span <= MAX_SPAN:
        raise MalformedError(
            f"'{text}' is not a duration from 1h to 100y", hint=f"write it as {SPANS}"
        )
    return span


def parse_lifetime(text: str) -> timedelta | datetime | str:
    """Parse a duration, a date (its last second, UTC), or the word ``max``.

    Raises:
        MalformedError: it is not one of these.
    """
    if text == "max":
        return text
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        try:
            return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
        except ValueError:
            raise MalformedError(
                f"'{text}' is not a calendar date", hint=f"write it as {LIFETIMES}"
            ) from None
    try:
        return parse_span(text)
    except MalformedError as error:
        raise MalformedError(
            f"{error.message}, nor a date or max", hint=f"write it as {LIFETIMES}"
        ) from None


def parse_moment(text: str) -> datetime:
    """Parse a UTC time: ``2026-11-23`` (its first second) or ``2026-11-23T08:00:00Z``.

    Raises:
        MalformedError: it has another form, or its year is not in 1950 to 9998: certificates
            begin no earlier (RFC 5280, 4.1.2.5.1), and a time zone must not overflow.
    """
    try:
        parsed = datetime.fromisoformat(text)
        moment = parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise MalformedError(
            f"'{text}' is not a date or time", hint=f"write it as {MOMENTS}"
        ) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise MalformedError(
            f"'{text}' is not between {FIRST_YEAR} and {LAST_YEAR}", hint=f"write it as {MOMENTS}"
        )
    return moment


def format_span(span: timedelta) -> str:
    """A duration for people to read: in days if it is whole days, else in hours."""
    hours = int(span.total_seconds() // 3600)
    return f"{hours // 24} d" if hours % 24 == 0 and hours else f"{hours} h"
