"""``list``: filters, statuses, JSON, CSV, a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from stand_in.lab import NOW, CommandLine

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

    assert lines[0].split() == ["serial", "subject", "san", "profile", "device", "until", "status"]
    assert "sbc1 ctx1" in lines[2]
