"""Comparing the derived tables with history: one sentence for each difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from ca.encoding.der import certificate
from ca.encoding.extensions import end_of
from ca.errors import CAError, StoreError
from ca.store.connection import Store
from ca.store.derived import IndexEntry, StatusRow, crl_entry, key_identity_of, resulting_status

_Status = tuple[str, str, str, int, int | None, bytes]


def open_plan_problems(store: Store) -> Iterator[str]:
    """Open plans that are missing in ``open_plan``, and rows in it that do not belong there."""
    if not _every_plan_is_found_by_numbers(store):
        for (number,) in store.connection.execute(
            """SELECT id FROM plan WHERE id NOT IN (SELECT plan_id FROM result)
                                     AND id NOT IN (SELECT plan_id FROM abandonment)
                                     AND id NOT IN (SELECT plan_id FROM open_plan)"""
        ):
            yield f"the open_plan row {number} is gone"
    for (number,) in store.connection.execute(
        """SELECT plan_id FROM open_plan
            WHERE plan_id NOT IN (SELECT id FROM plan) OR plan_id IN (SELECT plan_id FROM result)
               OR plan_id IN (SELECT plan_id FROM abandonment)"""
    ):
        yield f"the open_plan row {number} was added: its plan is not open, or there is none"


def _every_plan_is_found_by_numbers(store: Store) -> bool:
    """Whether each plan has a result, or is abandoned or open, as the tables' numbers show.

    Plans are numbered without a gap, the other tables hold no other numbers and none twice, and
    together as many. That takes a fifth of looking for each plan.
    """
    plans, first, last = store.connection.execute(
        "SELECT count(*), min(id), max(id) FROM plan"
    ).fetchone()
    (twice,) = store.connection.execute(
        """SELECT (SELECT count(*) FROM abandonment WHERE plan_id IN (SELECT plan_id FROM result))
                + (SELECT count(*) FROM open_plan
                    WHERE plan_id IN (SELECT plan_id FROM result)
                       OR plan_id IN (SELECT plan_id FROM abandonment))"""
    ).fetchone()
    if not plans or (first, last) != (1, plans) or twice:
        return False
    found = 0
    for table in ("result", "abandonment", "open_plan"):
        count, least, most = store.connection.execute(
            f"SELECT count(*), min(plan_id), max(plan_id) FROM {table}"  # noqa: S608 - our own
        ).fetchone()
        if count and (least < 1 or most > plans):
            return False
        found += count
    return bool(found == plans)


def revocation_problems(store: Store, before_6: int) -> Iterator[str]:
    """Where ``status`` and ``blocked_key`` differ from what the status events imply.

    ``before_6``: the last status event from before schema 6, when rows of certificates that were
    only planned had no notAfter.
    """
    yield from _status_problems(store, before_6)
    yield from _blocked_key_problems(store)


def _status_problems(store: Store, before_6: int) -> Iterator[str]:
    rows = store.connection.execute(
        """SELECT issuer_id, serial, status, reason, happened_at, event_id, not_after, crl_entry
             FROM status ORDER BY issuer_id, serial"""
    )
    row = next(rows, None)
    for (issuer_id, serial), expected in _expected_status(store):
        while row is not None and row[:2] < (issuer_id, serial):
            yield _without_event(row)
            row = next(rows, None)
        actual = None
        if row is not None and row[:2] == (issuer_id, serial):
            actual, row = row[2:], next(rows, None)
        name = f"the status row {serial.hex()} of issuer {issuer_id}"
        if actual is None and expected is not None:
            yield f"{name} is gone: it is {expected[0]} since {expected[2]}"
        elif actual is not None and expected is None:
            yield f"{name} was added: it was released"
        elif actual is not None and expected is not None and not _same(actual, expected, before_6):
            yield f"{name} was altered: it is {expected[0]} ({expected[1]}) since {expected[2]}"
    while row is not None:
        yield _without_event(row)
        row = next(rows, None)


def _same(actual: _Status, expected: _Status, before_6: int) -> bool:
    if actual[4] is None and expected[3] <= before_6:
        expected = (*expected[:4], None, expected[5])
    return actual == expected


def _without_event(row: tuple[Any, ...]) -> str:
    name = f"the status row {row[1].hex()} of issuer {row[0]}"
    return f"{name} has no event: it was added, or its event is gone from history"


def _expected_status(store: Store) -> Iterator[tuple[tuple[int, bytes], _Status | None]]:
    """The row that ``status`` should hold for each serial with events (None: no row), in order."""
    rows = store.connection.execute(
        """SELECT e.id, e.issuer_id, e.serial, e.status, e.reason, e.happened_at, e.invalid_since,
                  e.key_identity, p.tbs
             FROM status_event e
             LEFT JOIN plan p ON p.issuer_id = e.issuer_id AND p.serial = e.serial
            ORDER BY e.issuer_id, e.serial, e.id"""
    )
    for one, group in groupby(rows, key=lambda row: (row[1], row[2])):
        events = list(group)
        current = resulting_status(row[3:6] for row in events)
        if current is None:
            yield one, None
            continue
        *values, tbs = events[-1]
        last = StatusRow(*values)
        end = None if tbs is None else end_of(tbs)
        try:
            encoded = crl_entry(last, current[2])
        except (
            KeyError,
            ValueError,
            StoreError,
        ):  # the event was altered, which is reported elsewhere
            encoded = b""
        yield one, (*current, last.id, end, encoded)


def _blocked_key_problems(store: Store) -> Iterator[str]:
    for number, issuer_id, serial, named, status in store.connection.execute(
        """SELECT id, issuer_id, serial, key_identity, status FROM status_event
            WHERE reason = 'key-compromise' ORDER BY id"""
    ):
        key = named or key_identity_of(store, issuer_id, serial)
        if key is None or status == "released":
            continue
        row = store.connection.execute(
            "SELECT event_id FROM blocked_key WHERE key_identity = ?", (key,)
        ).fetchone()
        if row is None:
            yield f"the blocked_key row {key.hex()} is gone: status event {number} blocks it"
        elif row[0] > number:
            yield f"the blocked_key row {key.hex()} was altered: status event {number} blocks it"
    for key, number, reason, named, issuer_id, serial in store.connection.execute(
        """SELECT b.key_identity, b.event_id, e.reason, e.key_identity, e.issuer_id, e.serial
             FROM blocked_key b LEFT JOIN status_event e ON e.id = b.event_id"""
    ):
        if reason != "key-compromise":
            yield f"the blocked_key row {key.hex()} was added: no status event {number} blocks it"
        elif (named or key_identity_of(store, issuer_id, serial)) != key:
            yield f"the blocked_key row {key.hex()} was altered: event {number} blocks another"


def index_problems(store: Store, index_of: Callable[[bytes], IndexEntry]) -> Iterator[str]:
    """Where the certificate index and ``san`` differ from the certificates."""
    names = missing = 0
    for number, tbs, signature, *row in store.connection.execute(
        """SELECT r.plan_id, p.tbs, r.signature, c.not_before, c.not_after, c.key_identity
             FROM result r
             JOIN plan p ON p.id = r.plan_id
             LEFT JOIN certificate c ON c.plan_id = r.plan_id
            ORDER BY r.plan_id"""
    ):
        index = _index_entry(index_of, tbs, signature)
        if index is None:
            yield f"the certificate of the plan row {number} cannot be read: it was altered"
            continue
        if row[0] is None:
            yield f"the certificate row {number} is gone"
        elif row != [index.not_before, index.not_after, index.key_identity]:
            yield f"the certificate row {number} was altered"
        for kind, name in index.names:
            names += 1
            if not _has_san(store, name, number, kind):
                missing += 1
                yield f"the san row {number} {kind}:{name} is gone"
    for (number,) in store.connection.execute(
        "SELECT plan_id FROM certificate WHERE plan_id NOT IN (SELECT plan_id FROM result)"
    ):
        yield f"the certificate row {number} was added: its plan has no result"
    yield from _added_san_problems(store, index_of, names - missing)


def _index_entry(
    index_of: Callable[[bytes], IndexEntry], tbs: bytes, signature: bytes
) -> IndexEntry | None:
    try:
        return index_of(certificate(tbs, signature))
    except (CAError, ValueError, IndexError):
        return None


def _has_san(store: Store, name: str, number: int, kind: str) -> bool:
    query = "SELECT 1 FROM san WHERE folded = ? AND plan_id = ? AND kind = ?"
    return store.connection.execute(query, (name, number, kind)).fetchone() is not None


def _added_san_problems(
    store: Store, index_of: Callable[[bytes], IndexEntry], expected: int
) -> Iterator[str]:
    """Rows of ``san`` that no certificate has; searched only if there are too many rows."""
    count = store.connection.execute("SELECT count(*) FROM san").fetchone()[0]
    if count == expected:
        return
    for name, number, kind in store.connection.execute("SELECT folded, plan_id, kind FROM san"):
        row = store.connection.execute(
            """SELECT p.tbs, r.signature FROM plan p JOIN result r ON r.plan_id = p.id
                WHERE p.id = ?""",
            (number,),
        ).fetchone()
        index = None if row is None else _index_entry(index_of, *row)
        if index is None or (kind, name) not in index.names:
            yield f"the san row {number} {kind}:{name} was added"
