"""What the register is asked, at the exact moments and numbers that decide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from ca.errors import StoreError
from ca.store import audit, crls, issuers, ocsp_signers, plans, revocations
from ca.store.audit import Actor, Event
from ca.store.connection import Store, open_store
from ca.store.derived_checks import open_plan_problems
from ca.store.ocsp_signers import SignerRow
from ca.store.revocations import StatusEvent
from ca.store.schema import upgrade
from ca.store.timestamps import from_text, to_text

AT = datetime(2026, 11, 23, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
ACTOR = Actor("op", "lab", "0")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ca.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A register with one open plan, number 1, of a request, and one that is signed."""
    with open_store(path, create=True) as opened:
        upgrade(opened)
        with opened.write():
            key = issuers.add_key(
                opened, label="k", public=b"p", pkcs8=b"s", encrypted=False, at=AT
            )
            issuer = issuers.add_issuer(opened, role="root", ca_id="0" * 8, key_id=key, parent_id=None)  # fmt: skip
            profile = plans.keep_profile(opened, "sip", "text")
            new = [plans.NewRequest(each, bytes(32)) for each in (b"open", b"signed")]
            numbers = plans.keep_requests(opened, new, at=AT)
            made = [
                plans.NewPlan(
                    issuer, bytes([n]) * 16, profile, b"\x30\x00", b"", "default", "x", numbers[der]
                )
                for n, der in ((1, b"open"), (2, b"signed"))
            ]
            added = plans.add_plans(opened, made, at=AT)
            plans.add_results(opened, added[1:], [b"signature"], at=AT)
            audit.record(opened, [Event("did", "it")], at=AT, actor=ACTOR)
        yield opened


def test_a_plan_is_open_until_it_is_signed_and_left_after_ten_minutes(store: Store) -> None:
    assert timedelta(minutes=10) == plans.ABANDON_AFTER
    assert plans.open_plans(store) == [(1, b"\x01" * 16)]
    assert plans.open_plans(store, before=AT) == []
    assert plans.open_plans(store, before=AT + SECOND) == [(1, b"\x01" * 16)]


def test_a_request_with_an_open_plan_is_being_signed(store: Store) -> None:
    hashes = [sha256(each).digest() for each in (b"open", b"signed", b"other")]

    assert plans.being_signed(store, hashes) == {hashes[0]}


def test_an_open_plan_that_is_gone_and_one_that_was_added_are_told(store: Store) -> None:
    assert list(open_plan_problems(store)) == []

    store.connection.execute("DELETE FROM open_plan")
    store.connection.execute("INSERT INTO open_plan (plan_id) VALUES (2)")

    assert list(open_plan_problems(store)) == [
        "the open_plan row 1 is gone",
        "the open_plan row 2 was added: its plan is not open, or there is none",
    ]


def test_a_key_that_was_revoked_for_key_compromise_is_blocked(store: Store) -> None:
    assert revocations.blocked_keys(store, [bytes(32)]) == set()

    with store.write():
        event = StatusEvent(1, b"\x02" * 16, "revoked", "key-compromise")
        revocations.add_event(store, event, at=AT)
        audit.record(store, [Event("revoked", "it")], at=AT, actor=ACTOR)

    assert revocations.blocked_keys(store, [bytes(32), b"o" * 32]) == {bytes(32)}
    assert revocations.is_blocked(store, bytes(32))
    assert not revocations.is_blocked(store, b"o" * 32)
    assert revocations.last_event(store, 1) == 1
    assert revocations.last_event(store, 2) == 0


def test_history_goes_on_from_an_event_of_its_number_and_hash(store: Store) -> None:
    head = audit.newest(store)

    assert head is not None
    assert audit.has_event(store, head)
    assert not audit.has_event(store, (head[0] + 1, head[1]))
    assert not audit.has_event(store, (head[0], bytes(32)))


def test_a_register_is_opened_for_reading_alone_where_that_is_wished(
    path: Path, store: Store
) -> None:
    assert store.mode == "rw"
    with open_store(path, read_only=True) as opened:
        assert opened.mode == "ro"
        with pytest.raises(StoreError, match="is open for reading only"), opened.write():
            pass


def test_a_whole_register_is_whole_and_counts_the_changes_of_others(
    path: Path, store: Store
) -> None:
    before = store.data_version()
    store.assert_whole()

    with open_store(path) as other, other.write():
        plans.abandon(other, 1, "why", at=AT)
        audit.record(other, [Event("abandoned", "it")], at=AT, actor=ACTOR)

    assert store.data_version() != before


def test_a_moment_is_written_in_whole_seconds_and_anything_else_is_damage() -> None:
    assert to_text(AT.replace(microsecond=999_999)) == "2026-11-23T00:00:00Z"
    assert from_text("2026-11-23T00:00:00Z") == AT
    for text in ("yesterday", "", None):
        with pytest.raises(StoreError, match="the register is damaged: "):
            from_text(text)  # type: ignore[arg-type]


def signer(number: int, begin: timedelta, end: timedelta) -> SignerRow:
    return SignerRow(number, 1, number, b"", b"", b"", AT + begin, AT + end)


@pytest.mark.parametrize(
    ("age", "left", "unneeded"),
    [
        (7 * DAY, SECOND, [1]),
        (7 * DAY - SECOND, SECOND, []),
        (7 * DAY, timedelta(0), [1]),
        (7 * DAY, -SECOND, []),
    ],
)
def test_the_key_of_an_ended_signer_is_not_needed_once_its_successor_is_a_week_in_force(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    age: timedelta,
    left: timedelta,
    unneeded: list[int],
) -> None:
    rows = [
        signer(4, DAY, 90 * DAY),  # begins tomorrow
        signer(3, -age, left),
        signer(1, -90 * DAY, -SECOND),
    ]
    monkeypatch.setattr(ocsp_signers, "signers", lambda *_: rows)

    assert [row.plan_id for row in ocsp_signers.obsolete(store, 1, AT)] == unneeded


def test_the_key_of_a_signer_is_needed_in_its_last_second(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [signer(2, -9 * DAY, 90 * DAY), signer(1, -90 * DAY, timedelta(0))]
    monkeypatch.setattr(ocsp_signers, "signers", lambda *_: rows)

    assert ocsp_signers.obsolete(store, 1, AT) == []
    assert [row.plan_id for row in ocsp_signers.obsolete(store, 1, AT + SECOND)] == [1]


def test_a_signer_made_after_the_one_in_force_is_kept_though_it_has_ended(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [signer(2, -9 * DAY, -SECOND), signer(1, -30 * DAY, 30 * DAY)]
    monkeypatch.setattr(ocsp_signers, "signers", lambda *_: rows)

    assert ocsp_signers.obsolete(store, 1, AT) == []


def test_a_crl_of_many_pieces_is_kept_as_it_is(store: Store) -> None:
    pieces = [bytes([n]) * 100_000 for n in range(7)]

    with store.write():
        crls.publish(store, crls.NewestCRL(1, 7, AT, AT, 0, 0), pieces)
        audit.record(store, [Event("crl", "7")], at=AT, actor=ACTOR)

    assert b"".join(crls.octets(store, 1)) == b"".join(pieces)
    count = store.connection.execute("SELECT count(*) FROM crl_piece").fetchone()[0]
    assert count == 3  # of 256 KiB and up to a piece more
