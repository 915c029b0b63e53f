"""The audit trail: events chained by hash, each carrying the hash of the row it describes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256

import msgspec

from ca.store.connection import Store, marks
from ca.store.moments import from_text, to_text

GENESIS = bytes(32)
"""What the first event names as its predecessor."""

_PLAN = (
    "p.id, p.issuer_id, p.serial, p.request_id, p.profile_sha256, p.for_issuer_id, p.device,"
    " p.context, p.lifetime, p.source, p.tbs, p.account, p.planned_at"
)
_ROWS = {
    "result": f"SELECT {_PLAN}, r.signature, r.signed_at FROM result r JOIN plan p ON p.id = r.plan_id WHERE r.plan_id = ?",  # noqa: S608, E501 - our own constants
    "abandonment": f"SELECT {_PLAN}, a.reason, a.abandoned_at FROM abandonment a JOIN plan p ON p.id = a.plan_id WHERE a.plan_id = ?",  # noqa: S608, E501 - our own constants
    "status_event": "SELECT * FROM status_event WHERE id = ?",
    "crl_number": "SELECT * FROM crl_number WHERE id = ?",
    "supersession": "SELECT * FROM supersession WHERE new_plan_id = ? ORDER BY old_plan_id",
}
"""History that events describe: the row, and for a plan's end the plan as well."""


class Actor(msgspec.Struct, frozen=True):
    """Who does it: operating-system user, host, version of sipca."""

    os_user: str
    host: str
    version: str


class Event(msgspec.Struct, frozen=True):
    """What happened, to whom; ``row_table`` is empty where no row of history describes it."""

    action: str
    subject: str
    detail: dict[str, str] = {}
    row_table: str = ""
    row_id: int | None = None


class Recorded(msgspec.Struct, frozen=True):
    """An event as it stands in the trail."""

    id: int
    at: datetime
    action: str
    subject: str
    detail: dict[str, str]
    row_table: str
    row_id: int | None
    row_hash: bytes
    os_user: str
    host: str
    version: str
    previous: bytes
    hash: bytes


def record(store: Store, events: Sequence[Event], *, at: datetime, actor: Actor) -> None:
    """Append events, in their order, inside the write transaction that they describe."""
    previous = head(store)
    moment = to_text(at)
    rows: list[tuple[object, ...]] = []
    for event, row_hash in zip(events, _row_hashes(store, events), strict=True):
        values = (
            moment,
            event.action,
            event.subject,
            msgspec.json.encode(event.detail, order="sorted").decode(),
            event.row_table,
            event.row_id,
            row_hash,
            actor.os_user,
            actor.host,
            actor.version,
            previous,
        )
        previous = _hash(values)
        rows.append((*values, previous))
    store.connection.executemany(
        """INSERT INTO audit (at, action, subject, detail, row_table, row_id, row_hash,
                              os_user, host, version, previous, hash)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        rows,
    )


def _row_hashes(store: Store, events: Sequence[Event]) -> list[bytes]:
    """The hash of the row that each event describes; a batch's results are read in one go."""
    results = [event.row_id for event in events if event.row_table == "result"]
    query = _ROWS["result"].replace("= ?", f"IN ({marks(results)})")
    read = {row[0]: _hash([row]) for row in store.connection.execute(query, results)}
    return [
        read[event.row_id]
        if event.row_table == "result"
        else _row_hash(store, event.row_table, event.row_id)
        for event in events
    ]


def head(store: Store) -> bytes:
    """The hash of the last event."""
    row = store.connection.execute("SELECT hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    return row[0] if row else GENESIS


def newest_moment(store: Store) -> datetime | None:
    """The latest time among the last thousand events, by the clocks of their times."""
    row = store.connection.execute(
        "SELECT max(at) FROM (SELECT at FROM audit ORDER BY id DESC LIMIT 1000)"
    ).fetchone()
    return from_text(row[0]) if row[0] else None


def count(store: Store) -> int:
    """How many events there are."""
    return int(store.connection.execute("SELECT count(*) FROM audit").fetchone()[0])


def events(store: Store) -> Iterator[Recorded]:
    """Every event, oldest first."""
    for row in store.connection.execute(
        """SELECT id, at, action, subject, detail, row_table, row_id, row_hash,
                  os_user, host, version, previous, hash FROM audit ORDER BY id"""
    ):
        number, at, action, subject, detail, *rest = row
        yield Recorded(number, from_text(at), action, subject, msgspec.json.decode(detail), *rest)


def problems(store: Store) -> Iterator[str]:
    """What does not fit together, a sentence each: the chain, its rows, rows without an event.

    Cannot see a trail that was rewritten whole, or cut at its end together with the rows: for
    that the head must have been noted elsewhere.
    """
    previous = GENESIS
    described: dict[str, set[int]] = {table: set() for table in _ROWS}
    for row in store.connection.execute(
        """SELECT id, hash, at, action, subject, detail, row_table, row_id, row_hash,
                  os_user, host, version, previous FROM audit ORDER BY id"""
    ):
        number, hashed, *values = row
        if values[-1] != previous:
            yield f"event {number} does not follow the one before it"
        if _hash(values) != hashed:
            yield f"event {number} was altered"
        table, row_id, row_hash = values[4], values[5], values[6]
        if table in _ROWS:
            described[table].add(row_id)
            if _row_hash(store, table, row_id) != row_hash:
                yield f"the {table} row {row_id} that event {number} describes was altered"
        previous = hashed
    for table, seen in described.items():
        column = {
            "status_event": "id",
            "crl_number": "id",
            "supersession": "new_plan_id",
        }.get(table, "plan_id")
        for (row_id,) in store.connection.execute(f"SELECT {column} FROM {table}"):  # noqa: S608 - our own constants
            if row_id not in seen:
                yield f"the {table} row {row_id} has no event"
    yield from _content_problems(store)


def _content_problems(store: Store) -> Iterator[str]:
    for number, hashed, content in store.connection.execute("SELECT id, sha256, der FROM request"):
        if sha256(content).digest() != hashed:
            yield f"the request {number} was altered"
    for name, hashed, text in store.connection.execute(
        "SELECT name, sha256, text FROM profile_text"
    ):
        if sha256(text.encode()).digest() != hashed:
            yield f"the kept text of profile {name} was altered"


def _row_hash(store: Store, table: str, row_id: int | None) -> bytes:
    if table not in _ROWS:
        return b""
    rows = store.connection.execute(_ROWS[table], (row_id,)).fetchall()
    return _hash(rows)


def _hash(values: Sequence[object]) -> bytes:
    return sha256(msgspec.msgpack.encode(values)).digest()
