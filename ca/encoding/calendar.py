"""Calendars as iCalendar text (RFC 5545): events of a day, each with an alarm some days ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from ca.model.escaping import escape_hidden, escape_undecodable

_LINE = 75
"""Octets of a line without its end; longer ones are folded (RFC 5545, 3.1)."""
_ESCAPES = str.maketrans({"\\": r"\\", ";": r"\;", ",": r"\,", "\n": r"\n"})
"""RFC 5545, 3.3.11."""
_UTC = (
    "BEGIN:VTIMEZONE",
    "TZID:Etc/UTC",
    "BEGIN:STANDARD",
    "DTSTART:19700101T000000",
    "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0000",
    "END:STANDARD",
    "END:VTIMEZONE",
)
"""What a calendar without events holds: it has to have a component (RFC 5545, 3.6)."""


class Event(msgspec.Struct, frozen=True):
    """Something on the day of ``at`` (UTC); ``changed`` is when that was decided."""

    uid: str
    summary: str
    description: str
    at: datetime
    changed: datetime


def calendar(name: str, maker: str, events: Iterable[Event], *, days_ahead: int) -> Iterator[bytes]:
    """A calendar of a name, in pieces; ``maker`` is the program and its version."""
    head = ("BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//{_text(maker)}//EN", "CALSCALE:GREGORIAN")
    yield _folded((*head, f"NAME:{_text(name)}", f"X-WR-CALNAME:{_text(name)}"))
    is_empty = True
    for event in events:
        is_empty = False
        yield _folded(_event(event, days_ahead))
    yield _folded((*(_UTC if is_empty else ()), "END:VCALENDAR"))


def _event(event: Event, days_ahead: int) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(event.uid)}"
    yield f"DTSTAMP:{event.changed:%Y%m%dT%H%M%SZ}"
    yield f"DTSTART;VALUE=DATE:{event.at:%Y%m%d}"
    yield f"SUMMARY:{_text(event.summary)}"
    yield f"DESCRIPTION:{_text(event.description)}"
    yield "TRANSP:TRANSPARENT"
    yield "BEGIN:VALARM"
    yield "ACTION:DISPLAY"
    yield f"TRIGGER:-P{days_ahead}D"
    yield f"DESCRIPTION:{_text(event.summary)}"
    yield "END:VALARM"
    yield "END:VEVENT"


def _text(value: str) -> str:
    """A value of type TEXT: hidden characters spelled out, for a calendar forbids most of them."""
    lines = (escape_hidden(escape_undecodable(line)) for line in value.split("\n"))
    return "\n".join(lines).translate(_ESCAPES)


def _folded(lines: Iterable[str]) -> bytes:
    """Content lines with their ends, folded between characters."""
    return b"".join(piece + b"\r\n" for line in lines for piece in _pieces(line))


def _pieces(line: str) -> Iterator[bytes]:
    piece = b""
    for octets in (character.encode() for character in line):
        if len(piece) + len(octets) > _LINE:
            yield piece
            piece = b" "
        piece += octets
    yield piece
