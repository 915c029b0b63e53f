"""``list``: filters, statuses, JSON, CSV, a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from icalendar import Calendar
from stand_in.lab import EC_KEY, NOW, CommandLine

from cli.terminal import printed_on
from cli.views.list import left_text, sans_text

Csr = Callable[..., Path]


Clock = Callable[[datetime], None]


def test_list_has_the_keys_of_the_contract_sorted_by_end(lab: CommandLine) -> None:
    records = lab("list", "--json").json["certificates"]

    assert [(r["device"], r["context"]) for r in records] == [
        (None, None),
        ("sbc1", 1),
        ("sbc1", 0),
    ]
    assert set(records[0]) >= {
        "serial", "subject", "san", "profile", "device", "context", "issuer", "not_before",
        "not_after", "status", "fingerprint", "supersedes", "superseded_by",
    }  # fmt: skip


def test_list_filters(lab: CommandLine) -> None:
    def found(*words: str) -> int:
        return len(lab("list", *words, "--json").json["certificates"])

    assert found("--device", "SBC1") == 2
    assert found("--profile", "https") == 1
    assert found("--expiring", "60d") == 1
    assert found("--status", "revoked") == 0
    assert found("--profile", "root") == 1


def test_list_shows_an_expired_one_until_it_is_replaced(lab: CommandLine, frozen: Clock) -> None:
    frozen(NOW + timedelta(days=60))

    assert len(lab("list", "--json").json["certificates"]) == 3
    assert [
        c["status"] for c in lab("list", "--status", "expired", "--json").json["certificates"]
    ] == ["expired"]
    assert len(lab("list", "--all", "--json").json["certificates"]) == 3


def test_a_certificate_is_not_yet_valid_on_a_clock_before_it(
    lab: CommandLine, frozen: Clock
) -> None:
    frozen(NOW - timedelta(days=400))

    assert {c["status"] for c in lab("list", "--json").json["certificates"]} == {"not-yet-valid"}


def test_an_unknown_status_is_wrong_usage(lab: CommandLine) -> None:
    answer = lab("list", "--status", "odd")

    assert answer.exit == 2
    assert "'odd' is not one of valid," in answer.err


def test_list_as_csv_has_a_header_and_a_row_each(lab: CommandLine) -> None:
    rows = list(csv.DictReader(io.StringIO(lab("list", "--csv").out)))

    assert len(rows) == 3
    assert rows[1]["san"] == "ip:10.0.0.1;dns:sbc1.lab.example"


def test_a_spreadsheet_formula_in_a_name_is_quoted_in_csv(
    sipca: CommandLine, csr_file: Csr
) -> None:
    sipca("sign", csr_file("x", "dns:x.lab", cn="x.lab"), "--device", "=HYPERLINK(1)")

    assert "'=HYPERLINK(1)" in sipca("list", "--csv").out


def test_list_for_people_is_a_table(lab: CommandLine) -> None:
    lines = lab("list").out.splitlines()

    assert lines[0].split() == [
        "serial",
        "subject",
        "san",
        "profile",
        "device",
        "until",
        "left",
        "status",
    ]
    assert "sbc1 ctx1" in lines[2]


def test_a_calendar_has_the_end_of_each_certificate_listed(
    lab: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "ends.ics"

    answer = lab("list", "--ics", file, "--json")

    assert answer.exit == 0
    assert answer.err == f"{file}: a calendar of 3 certificates\n"
    assert file.stat().st_mode & 0o777 == 0o644
    read = Calendar.from_ical(file.read_bytes())
    events = {event["UID"].partition("-")[0]: event for event in read.walk("VEVENT")}
    assert read["X-WR-CALNAME"] == "Test Lab: certificates"
    for record in answer.json["certificates"]:
        event = events.pop(record["serial"])
        assert event["DTSTART"].dt.isoformat() == record["not_after"][:10]
        assert record["serial"] in event["DESCRIPTION"]
        assert len(event.walk("VALARM")) == 1
    assert events == {}


def test_a_calendar_is_the_same_a_day_later_and_has_only_what_is_listed(
    lab: CommandLine, tmp_path: Path, frozen: Clock
) -> None:
    file = tmp_path / "ends.ics"
    lab("list", "--ics", file)
    before = file.read_bytes()
    frozen(NOW + timedelta(days=1))

    lab("list", "--ics", file)

    assert file.read_bytes() == before
    lab("list", "--device", "sbc1", "--ics", file)
    summaries = [str(event["SUMMARY"]) for event in Calendar.from_ical(file.read_bytes()).events]
    assert sorted(summaries) == [
        "sbc1 context 0: certificate ends",
        "sbc1 context 1: certificate ends",
    ]


def test_a_calendar_keeps_what_expired_and_drops_what_was_revoked_or_superseded(
    lab: CommandLine, csr_file: Csr, tmp_path: Path, frozen: Clock
) -> None:
    file = tmp_path / "ends.ics"
    old = lab("list", "--device", "sbc1", "--json").json["certificates"]
    context1 = next(each["serial"] for each in old if each["context"] == 1)
    lab("revoke", context1)
    frozen(NOW + timedelta(days=60))

    lab("list", "--all", "--ics", file)

    summaries = [str(event["SUMMARY"]) for event in Calendar.from_ical(file.read_bytes()).events]
    assert sorted(summaries) == [
        "CN=proxy.lab.example: certificate ends",
        "sbc1 context 0: certificate ends",
    ]
    web = csr_file("web2", cn="sbc1.lab.example", key=EC_KEY)
    words = ("--device", "sbc1", "--context", "0", "--supersedes", "sbc1", "--profile", "https")
    assert lab("sign", web, *words, "--again").exit == 0
    lab("list", "--all", "--ics", file)
    assert len(Calendar.from_ical(file.read_bytes()).events) == 2


def test_a_calendar_replaces_only_an_earlier_one(lab: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "ends.ics"
    lab("list", "--ics", file, "--status", "revoked")
    assert Calendar.from_ical(file.read_bytes()).events == []
    assert lab("list", "--ics", file).exit == 0
    mine = b"BEGIN:VCALENDAR\r\nPRODID:mine\r\nEND:VCALENDAR\r\n"
    file.write_bytes(mine)

    answer = lab("list", "--ics", file)

    assert answer.exit == 6
    assert "ends.ics' holds something that sipca did not write there" in answer.err
    assert file.read_bytes() == mine
    assert lab("list", "--ics", tmp_path).exit == 2


@pytest.mark.parametrize(
    ("days", "text"), [(823, "823 d"), (0, "0 d"), (-3, "ended 3 d ago"), (None, "-")]
)
def test_days_until_the_end_are_told_as_a_person_would(days: int | None, text: str) -> None:
    assert left_text(days) == text


def test_a_terminal_gets_the_first_sans_and_the_number_of_the_others_a_pipe_gets_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "200")
    sans = [f"dns:sbc{number}.lab.example" for number in range(5)]

    with printed_on(Terminal()):
        short = sans_text(sans)
    with printed_on(io.StringIO()):
        whole = sans_text(sans)

    assert short == "dns:sbc0.lab.example, dns:sbc1.lab.example +3"
    assert whole == ", ".join(sans)


@pytest.mark.parametrize("words", [("--json",), ("--csv",), (), ("--all", "--json")])
def test_a_list_laid_out_in_parts_says_what_it_says_at_once(
    lab: CommandLine, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    at_once = lab("list", *words).out
    monkeypatch.setattr("cli.list_output.TOGETHER", 1)
    monkeypatch.setattr("ca.store.certificates_by_end._TOGETHER", 1)

    in_parts = lab("list", *words).out

    assert [line.split() for line in in_parts.splitlines()] == [
        line.split() for line in at_once.splitlines()
    ]
