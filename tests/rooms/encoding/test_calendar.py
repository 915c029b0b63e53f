"""iCalendar text: what RFC 5545 asks of a line, and what icalendar reads of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from ca.encoding.calendar import Event, calendar

AT = datetime(2027, 1, 2, 23, 59, 59, tzinfo=UTC)


def written(*summaries: str, name: str = "Lab") -> bytes:
    events = [Event(f"{n}@x", each, "What to do", AT, AT) for n, each in enumerate(summaries)]
    return b"".join(calendar(name, "sipca//sipca 1", events, days_ahead=30))


def test_an_event_is_on_the_day_of_its_end_with_an_alarm_ahead() -> None:
    (event,) = Calendar.from_ical(written("sbc1: certificate ends")).walk("VEVENT")

    assert event["DTSTART"].dt == date(2027, 1, 2)
    assert event["DTSTAMP"].dt == AT
    assert event["UID"] == "0@x"
    (alarm,) = event.walk("VALARM")
    assert (alarm["ACTION"], alarm["TRIGGER"].dt) == ("DISPLAY", -timedelta(days=30))


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1))
def test_a_text_comes_back_as_it_was_from_lines_of_75_octets(text: str) -> None:
    octets = written(text, name=text)

    assert all(len(line) <= 75 for line in octets.split(b"\r\n"))
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert octets.decode()
    events = Calendar.from_ical(octets).walk("VEVENT")
    assert [each["SUMMARY"] for each in events] == [text]


def test_commas_semicolons_backslashes_and_line_ends_are_escaped() -> None:
    octets = written("a,b;c\\d\ne")

    assert b"SUMMARY:a\\,b\\;c\\\\d\\ne\r\n" in octets
    (event,) = Calendar.from_ical(octets).walk("VEVENT")
    assert event["SUMMARY"] == "a,b;c\\d\ne"


def test_control_characters_are_spelled_out() -> None:
    (event,) = Calendar.from_ical(written("a\rBEGIN:VEVENT\x07")).walk("VEVENT")

    assert event["SUMMARY"] == "a\\x0dBEGIN:VEVENT\\x07"


def test_a_calendar_without_events_has_a_component_all_the_same() -> None:
    read = Calendar.from_ical(written())

    assert [each.name for each in read.subcomponents] == ["VTIMEZONE"]
    assert read.errors == []
