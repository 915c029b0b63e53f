"""History is append-only, whoever writes the SQL; state and derived tables are not history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stand_in.lab import ROOT

from ca.errors import StoreError
from ca.store import (
    audit,
    challenges,
    crls,
    enrolments,
    history_checks,
    issuers,
    plans,
    relics,
    revocations,
    settings,
    successions,
)
from ca.store.audit import Actor, Event
from ca.store.connection import VERSION, Store, open_store
from ca.store.crls import NewestCRL
from ca.store.relics import NewRelic
from ca.store.revocations import CurrentStatus, StatusEvent
from ca.store.schema import DERIVED, HISTORY, PASSING, STATE, TRIGGERS, assert_triggers, upgrade

AT = datetime(2026, 11, 23, tzinfo=UTC)
ACTOR = Actor("op", "lab", "0")
REQUEST = plans.NewRequest(b"der", bytes(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ca.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with open_store(path, create=True) as opened:
        upgrade(opened)
        with opened.write():
            _fill(opened)
        yield opened


def _fill(store: Store) -> None:
    """One row in every table of history."""
    key = issuers.add_key(store, label="k", public=b"p", pkcs8=b"s", encrypted=False, at=AT)
    issuer = issuers.add_issuer(store, role="root", ca_id="00000000", key_id=key, parent_id=None)
    profile = plans.keep_profile(store, "sip", "text")
    request = plans.keep_requests(store, [REQUEST], at=AT)[b"der"]
    numbers = plans.add_plans(
        store,
        [
            plans.NewPlan(
                issuer_id=issuer,
                serial=bytes([n]) * 16,
                profile_sha256=profile,
                tbs=b"\x30\x00",
                account=b"",
                lifetime="default",
                source="x",
                request_id=request,
            )
            for n in (1, 2, 3)
        ],
        at=AT,
    )
    plans.add_results(store, numbers[:1], [b"sig"], at=AT)
    plans.abandon(store, numbers[1], "why", at=AT)
    successions.supersede(store, numbers[0], numbers[2], at=AT)
    successions.attach(store, numbers[0], "sbc1", 2, at=AT)
    event = StatusEvent(issuer, bytes([1]) * 16, "revoked", "superseded")
    revocations.add_event(store, event, at=AT)
    relic = NewRelic(issuer, b"\x01", b"\x30\x00", None, None, 0, 1, ("gone",), "index.txt:1")
    relics.add_relic(store, relic, at=AT)
    challenge = challenges.NewChallenge(bytes(32), None, (), None, 1, AT)
    number = challenges.add(store, challenge, at=AT)
    enrolled = enrolments.NewEnrolment(
        "t1", "new", b"der", bytes(32), bytes(32), None, number, "10.0.0.9", ()
    )
    enrolments.end(store, enrolments.add(store, enrolled, at=AT), enrolments.End("denied"), at=AT)
    crls.add_number(store, issuer, 1, this_update=AT, next_update=AT)
    audit.record(store, [Event("did", "it")], at=AT, actor=ACTOR)


@pytest.mark.parametrize("table", HISTORY)
def test_history_refuses_update_and_delete(store: Store, table: str) -> None:
    column = store.connection.execute(f"SELECT name FROM pragma_table_info('{table}')").fetchone()[
        0
    ]

    for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
        with pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"):
            store.connection.execute(statement)


@pytest.mark.parametrize("table", HISTORY)
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_history_refuses_a_replacing_insert_also_without_recursive_triggers(
    store: Store, table: str, recursive: str
) -> None:
    store.connection.execute(f"PRAGMA recursive_triggers = {recursive}")

    with pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"):
        store.connection.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1")


def test_a_plan_has_one_result(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        plans.add_results(store, [1], [b"another"], at=AT)


def test_a_plan_is_either_signed_or_abandoned(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="has abandonment already"):
        plans.add_results(store, [2], [b"late"], at=AT)
    with pytest.raises(sqlite3.IntegrityError, match="has result already"):
        plans.abandon(store, 1, "why", at=AT)


def test_a_serial_is_never_used_twice_by_one_issuer(store: Store) -> None:
    plan = plans.NewPlan(
        1, bytes([2]) * 16, plans.keep_profile(store, "sip", "text"), b"", b"", "", ""
    )

    with pytest.raises(sqlite3.IntegrityError, match="such a row exists"):
        plans.add_plans(store, [plan], at=AT)


def test_a_request_and_a_profile_text_are_kept_once(store: Store) -> None:
    other = plans.NewRequest(b"other", bytes(32))

    assert plans.keep_requests(store, [other, REQUEST, other], at=AT) == {b"der": 1, b"other": 2}
    assert plans.keep_requests(store, [other], at=AT) == {b"other": 2}
    assert plans.keep_profile(store, "sip", "text") == plans.keep_profile(store, "sip", "text")


def test_every_table_is_history_derived_state_or_a_bounded_log(store: Store) -> None:
    names = {
        row[0]
        for row in store.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not row[0].startswith(("sqlite_", "_sqlite_"))
    }

    assert names == {*HISTORY, *DERIVED, *STATE, *PASSING}


def test_a_lost_trigger_is_noticed(store: Store) -> None:
    store.connection.execute("DROP TRIGGER plan_no_delete")

    with pytest.raises(
        StoreError, match="has lost triggers that guard its history: plan_no_delete"
    ):
        assert_triggers(store)


def test_upgrading_twice_does_nothing_the_second_time(store: Store) -> None:
    assert upgrade(store) is False
    assert len(TRIGGERS) == 3 * len(HISTORY) + 2


def test_who_loses_the_race_of_an_upgrade_goes_on_with_foreign_keys_held(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program upgrades the register when this one has found it to be an older one."""
    with sqlite3.connect(path) as old:
        old.executescript((ROOT / "tests/vectors/registers/schema-1.sql").read_text())
    old.close()
    needs_upgrade = Store.needs_upgrade

    def and_then_the_other_wins(loser: Store) -> bool:
        found = needs_upgrade(loser)
        monkeypatch.undo()
        with open_store(path) as winner:
            assert upgrade(winner) is True
        return found

    with open_store(path) as store:
        monkeypatch.setattr(Store, "needs_upgrade", and_then_the_other_wins)
        assert upgrade(store) is False

        with store.write(), pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            issuers.add_issuer(store, role="root", ca_id="00000001", key_id=99, parent_id=None)


def test_an_upgrade_that_fails_leaves_the_old_register_and_foreign_keys_held(path: Path) -> None:
    with sqlite3.connect(path) as old:
        old.executescript((ROOT / "tests/vectors/registers/schema-1.sql").read_text())
    old.close()

    def fails(_before: int) -> None:
        raise RuntimeError

    with open_store(path) as store:
        with pytest.raises(RuntimeError):
            upgrade(store, fails)

        assert store.needs_upgrade()
        assert store.connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_the_connection_is_set_up_as_the_design_says(store: Store, path: Path) -> None:
    expected = {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "secure_delete": 1,
        "synchronous": 2,
        "busy_timeout": 30000,
    }
    store.connection.close()

    with open_store(path) as opened:  # anew: sqlite_utils sets some of them when it upgrades
        for pragma, value in expected.items():
            assert opened.connection.execute(f"PRAGMA {pragma}").fetchone()[0] == value, pragma


def test_a_new_register_is_of_schema_9_and_says_whose_it_is(store: Store) -> None:
    assert store.connection.execute("PRAGMA user_version").fetchone() == (9,)
    assert store.connection.execute("PRAGMA application_id").fetchone() == (0x53495043,)


def test_a_replacing_insert_meets_the_delete_triggers(store: Store, path: Path) -> None:
    store.connection.execute("DROP TRIGGER result_no_replace")
    store.connection.close()

    with (
        open_store(path) as opened,
        pytest.raises(sqlite3.IntegrityError, match="result is append-only"),
    ):
        opened.connection.execute("INSERT OR REPLACE INTO result SELECT * FROM result")


def test_a_deleted_key_is_not_readable_in_the_file(store: Store, path: Path) -> None:
    secret = b"very secret key blob " * 20
    with store.write():
        number = issuers.add_key(
            store, label="x", public=b"q", pkcs8=secret, encrypted=False, at=AT
        )
        audit.record(store, [Event("key", "x")], at=AT, actor=ACTOR)
    with store.write() as connection:
        connection.execute("DELETE FROM key WHERE id = ?", (number,))
    store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert secret[:40] not in path.read_bytes()


def test_a_failed_write_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write():
        settings.write(store, "a", "b")
        raise RuntimeError

    assert settings.read(store, "a") is None


def test_a_database_of_a_newer_version_is_refused_and_left_alone(store: Store, path: Path) -> None:
    store.connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    store.connection.close()
    before = path.read_bytes()

    with (
        pytest.raises(StoreError, match=r"was written by a newer sipca") as refusal,
        open_store(path),
    ):
        pass

    assert refusal.value.hint == "upgrade sipca; nothing was changed"
    assert path.read_bytes() == before


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (a)")

    with pytest.raises(StoreError, match="is not a register of sipca"), open_store(other):
        pass


def test_rubbish_is_called_damaged(tmp_path: Path) -> None:
    rubbish = tmp_path / "ca.db"
    rubbish.write_bytes(b"not a database at all, but long enough to look at" * 50)

    with pytest.raises(StoreError, match="is damaged"), open_store(rubbish):
        pass


def test_a_lock_is_named_with_a_hint(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.store.connection.BUSY_SECONDS", 0.05)
    with open_store(path, create=True) as first:
        upgrade(first)
        with (
            first.write(),
            pytest.raises(StoreError, match="has been locked by another program"),
            open_store(path) as second,
            second.write(),
        ):
            pass


def test_the_audit_trail_notices_an_altered_event(store: Store) -> None:
    store.connection.execute("DROP TRIGGER audit_no_update")
    store.connection.execute("UPDATE audit SET subject = 'that'")

    assert "event 1 was altered" in list(history_checks.problems(store))


def test_the_audit_trail_notices_an_altered_row_and_a_row_without_event(store: Store) -> None:
    with store.write():
        audit.record(store, [Event("issued", "1", {}, "result", 1)], at=AT, actor=ACTOR)
    store.connection.execute("DROP TRIGGER result_no_update")
    store.connection.execute("UPDATE result SET signature = x'00'")

    found = list(history_checks.problems(store))

    assert any(
        each.startswith("the result row 1 that event 2 describes was altered") for each in found
    )
    assert "the abandonment row 2 has no event" in found


def test_the_audit_trail_notices_a_missing_event(store: Store) -> None:
    with store.write():
        audit.record(store, [Event("more", "1")], at=AT, actor=ACTOR)
    store.connection.execute("DROP TRIGGER audit_no_delete")
    store.connection.execute("DELETE FROM audit WHERE id = 1")

    assert "event 2 does not follow the one before it" in list(history_checks.problems(store))


def test_the_audit_trail_notices_an_altered_request_and_profile(store: Store) -> None:
    for table in ("request", "profile_text"):
        store.connection.execute(f"DROP TRIGGER {table}_no_update")
    store.connection.execute("UPDATE request SET der = x'00'")
    store.connection.execute("UPDATE profile_text SET text = 'other'")

    found = list(history_checks.problems(store))

    assert "the request 1 was altered" in found
    assert "the stored text of profile sip was altered" in found


def test_status_events_take_effect_in_their_order(store: Store) -> None:
    with store.write():
        for status, reason in (("held", "hold"), ("released", "hold"), ("revoked", "cessation")):
            revocations.add_event(store, StatusEvent(1, b"\x05", status, reason), at=AT)

    assert revocations.current_status(store, 1, b"\x05") == CurrentStatus(
        "revoked", "cessation", AT
    )


def test_a_graver_reason_keeps_the_date_from_which_peers_refused(store: Store) -> None:
    later = AT + timedelta(days=3)

    with store.write():
        revocations.add_event(store, StatusEvent(1, b"\x05", "held", "hold"), at=AT)
        revocations.add_event(store, StatusEvent(1, b"\x05", "revoked", "superseded"), at=later)

    assert revocations.current_status(store, 1, b"\x05") == CurrentStatus(
        "revoked", "superseded", AT
    )


def test_a_higher_crl_number_is_never_replaced_by_a_lower_one(store: Store) -> None:
    def crl(number: int) -> NewestCRL:
        return NewestCRL(1, number, AT, AT, 0, 0)

    with store.write():
        assert crls.publish(store, crl(7), [b"seven"])
        assert not crls.publish(store, crl(6), [b"six"])
        assert not crls.publish(store, crl(7), [b"again"])
        audit.record(store, [Event("crl", "7")], at=AT, actor=ACTOR)

    assert b"".join(crls.octets(store, 1)) == b"seven"
    assert crls.newest(store, 1) == crl(7)


def test_a_crl_number_is_the_clock_or_one_more_than_the_last(store: Store) -> None:
    seconds = int(AT.timestamp())

    assert crls.next_number(store, 1, AT) == seconds
    with store.write():
        crls.add_number(store, 1, seconds + 100, this_update=AT, next_update=AT)
    assert crls.next_number(store, 1, AT) == seconds + 101
