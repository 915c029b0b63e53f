"""``check`` reads the audit trail from where it last stopped, and says of what it did not read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from stand_in.lab import NOW, CommandLine
from stand_in.registers import edit

from ca.authority.status import trail

Csr = Callable[..., Path]
Clock = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def _noted_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "NOTED_AFTER", 5)


def actions(sipca: CommandLine) -> list[str]:
    return [each["action"] for each in sipca("log", "--json").json["events"]]


def codes(sipca: CommandLine, *words: str) -> list[str]:
    return [each["code"] for each in sipca("check", "--json", *words).json["findings"]]


def test_how_far_the_trail_was_read_is_an_event_now_and_then(
    sipca: CommandLine, csr_file: Csr
) -> None:
    before = actions(sipca)

    sipca("check")
    sipca("check")

    assert actions(sipca) == [*before, "verified"], "once for all of them"
    sipca("sign", csr_file("a"))
    sipca("check")
    assert actions(sipca).count("verified") == 1, "too few to be worth an event"
    assert sipca("log", "--verify").exit == 0


def test_an_event_altered_since_the_last_look_is_found(sipca: CommandLine, csr_file: Csr) -> None:
    sipca("check")
    sipca("sign", csr_file("a"))
    edit(sipca.home, "UPDATE audit SET subject = 'other' WHERE id = (SELECT max(id) FROM audit)")

    answer = sipca("check", "--json")

    assert answer.exit == 9
    (finding,) = answer.json["findings"]
    assert (finding["code"], finding["result"]) == ("register-altered", "fail")
    assert "was altered" in finding["message"]
    assert "sipca log --verify" in finding["hint"]
    assert actions(sipca).count("verified") == 1, "nothing is recorded of an altered trail"


def test_a_row_of_history_altered_since_the_last_look_is_found(
    sipca: CommandLine, csr_file: Csr
) -> None:
    sipca("check")
    sipca("sign", csr_file("a"), "--device", "sbc1")
    edit(sipca.home, "UPDATE plan SET device = 'sbc2' WHERE device = 'sbc1'")

    assert codes(sipca) == ["register-altered"]


def test_what_was_read_before_is_read_again_by_log_verify_alone(sipca: CommandLine) -> None:
    sipca("check")
    edit(sipca.home, "UPDATE audit SET subject = 'other' WHERE id = 2")

    assert codes(sipca) == []
    assert sipca("log", "--verify").exit == 9


def test_a_trail_rewritten_up_to_where_it_was_read_is_found(sipca: CommandLine) -> None:
    sipca("check")
    with sqlite3.connect(sipca.home / "ca.db") as connection:
        (detail,) = connection.execute(
            "SELECT detail FROM audit WHERE action = 'verified'"
        ).fetchone()
    number = detail.partition('"event":"')[2].partition('"')[0]
    edit(sipca.home, f"UPDATE audit SET hash = randomblob(32) WHERE id = {number}")

    (finding,) = sipca("check", "--json").json["findings"]

    assert f"event {number} is not the one that was read at the last check" in finding["message"]


def test_a_long_trail_is_read_in_parts_and_the_rest_is_said(
    sipca: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "MOST", 6)
    events = len(actions(sipca))

    (unread,) = (
        each
        for each in sipca("check", "--min-severity", "info", "--json").json["findings"]
        if each["code"] == "trail-unread"
    )

    assert unread["result"] == "pass"
    assert unread["message"] == (
        f"{events - 6} events of the audit trail are still to be read; each check reads 6"
    )
    for _ in range(events):
        sipca("check")
    assert "trail-unread" not in codes(sipca, "--min-severity", "info")


def test_nothing_is_recorded_while_the_clock_is_in_doubt(sipca: CommandLine, frozen: Clock) -> None:
    frozen(NOW + timedelta(days=500))

    sipca("check")

    assert "verified" not in actions(sipca)


def test_a_damaged_file_fails_the_check_and_nothing_relies_on_it(
    sipca: CommandLine, tmp_path: Path
) -> None:
    file = sipca.home / "ca.db"
    with sqlite3.connect(file) as connection:
        root, size = (
            connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'san'").fetchone()[
                0
            ],
            connection.execute("PRAGMA page_size").fetchone()[0],
        )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    octets = bytearray(file.read_bytes())
    octets[(root - 1) * size + 3 : (root - 1) * size + 5] = b"\x7f\xff"  # its number of cells
    file.write_bytes(octets)

    answer = sipca("check", "--json", "--metrics", tmp_path / "sipca.prom")

    assert answer.exit == 9
    (finding,) = answer.json["findings"]
    assert finding["code"] == "register-damaged"
    assert finding["message"].startswith("ca.db is damaged: ")
    assert "sipca restore BACKUP --home NEWDIR" in finding["hint"]
    assert 'code="register-damaged"' in (tmp_path / "sipca.prom").read_text()
