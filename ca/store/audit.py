"""The audit trail: events chained by hash, each carrying the hash of the row it describes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256

import msgspec

from ca.encoding.der import SET, encode_oid
from ca.encoding.oids import CHALLENGE_TYPE
from ca.errors import StoreError
from ca.store import crls, settings
from ca.store.connection import VERSION, Store, placeholders
from ca.store.state_hashes import PINNED, note_everything, take_changes
from ca.store.timestamps import from_text, to_text

GENESIS = bytes(32)
"""The ``previous`` hash of the first event, which has no predecessor."""

_PLAN = (
    "p.id, p.issuer_id, p.serial, p.request_id, p.profile_sha256, p.for_issuer_id, p.device,"
    " p.context, p.lifetime, p.source, p.tbs, p.account, p.planned_at"
)
_ORIGIN = "q.sha256, q.key_identity, q.received_at, t.name"
"""What a plan came from: its request without the octets, and the name of its profile."""
_ORIGINS = (
    " LEFT JOIN request q ON q.id = p.request_id"
    " LEFT JOIN profile_text t ON t.sha256 = p.profile_sha256"
)
_BEFORE_6 = {
    "result": f"SELECT {_PLAN}, r.signature, r.signed_at FROM result r JOIN plan p ON p.id = r.plan_id WHERE r.plan_id = ?",  # noqa: S608, E501 - our own constants
    "abandonment": f"SELECT {_PLAN}, a.reason, a.abandoned_at FROM abandonment a JOIN plan p ON p.id = a.plan_id WHERE a.plan_id = ?",  # noqa: S608, E501 - our own constants
}
"""The rows that events of ended plans hashed before the register was upgraded to schema 6."""
_ROWS = {
    "result": f"SELECT {_PLAN}, {_ORIGIN}, r.signature, r.signed_at FROM result r JOIN plan p ON p.id = r.plan_id{_ORIGINS} WHERE r.plan_id = ?",  # noqa: S608, E501 - our own constants
    "abandonment": f"SELECT {_PLAN}, {_ORIGIN}, a.reason, a.abandoned_at FROM abandonment a JOIN plan p ON p.id = a.plan_id{_ORIGINS} WHERE a.plan_id = ?",  # noqa: S608, E501 - our own constants
    "status_event": "SELECT id, issuer_id, serial, status, reason, happened_at, invalid_since, key_identity FROM status_event WHERE id = ?",  # noqa: E501 - a row
    "relic": "SELECT * FROM relic WHERE id = ?",
    "attachment": "SELECT * FROM attachment WHERE id = ?",
    "challenge": "SELECT * FROM challenge WHERE id = ?",
    "enrolment": "SELECT * FROM enrolment WHERE id = ?",
    "enrolment_end": "SELECT * FROM enrolment_end WHERE enrolment_id = ?",
    "crl_number": "SELECT * FROM crl_number WHERE id = ?",
    "supersession": "SELECT * FROM supersession WHERE new_plan_id = ? ORDER BY old_plan_id",
}
"""The rows of history that events hash; a result or abandonment with its plan and its origin."""
_PLANS = f"SELECT {_PLAN}, {_ORIGIN} FROM plan p{_ORIGINS} WHERE p.id BETWEEN ? AND ? ORDER BY p.id"  # noqa: S608 - our own constants
"""Plans committed together: one event hashes them all, before any of them is signed."""


class Actor(msgspec.Struct, frozen=True):
    """Who acts: operating-system user, host, version of sipca."""

    os_user: str
    host: str
    version: str


class Event(msgspec.Struct, frozen=True):
    """What happened, and to what; ``row_table`` is empty where the event has no row of history."""

    action: str
    subject: str
    detail: dict[str, str] = {}
    row_table: str = ""
    row_id: int | None = None
    rows: int = 1
    """The number of rows from ``row_id`` on; more than one only for plans."""


class RecordedEvent(msgspec.Struct, frozen=True):
    """An event as the trail holds it."""

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
    """Append events in order, inside the write transaction whose changes they describe.

    The first one also records which rows of state changed since the last recorded event.
    """
    previous = head(store)
    now = to_text(at)
    rows: list[tuple[object, ...]] = []
    state = take_changes(store)
    for event, row_hashed in zip(events, _row_hashes(store, events), strict=True):
        values = (
            now,
            event.action,
            event.subject,
            msgspec.json.encode(event.detail, order="sorted").decode(),
            event.row_table,
            event.row_id,
            row_hashed,
            actor.os_user,
            actor.host,
            actor.version,
            previous,
        )
        previous = event_hash(values, state)
        rows.append((*values, state, previous))
        state = None
    store.connection.executemany(
        """INSERT INTO audit (at, action, subject, detail, row_table, row_id, row_hash,
                              os_user, host, version, previous, state, hash)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        rows,
    )


def _row_hashes(store: Store, events: Sequence[Event]) -> list[bytes]:
    """The hash of each event's row; the results of a batch are read by one query."""
    results = [event.row_id for event in events if event.row_table == "result"]
    query = _ROWS["result"].replace("= ?", f"IN ({placeholders(results)})")
    result_hashes = {row[0]: _hash([row]) for row in store.connection.execute(query, results)}
    return [
        result_hashes[event.row_id]
        if event.row_table == "result"
        else row_hash(store, event.row_table, event.row_id, event.rows)
        for event in events
    ]


def head(store: Store) -> bytes:
    """The hash of the newest event."""
    event = newest(store)
    return GENESIS if event is None else event[1]


def newest(store: Store) -> tuple[int, bytes] | None:
    """Number and hash of the newest event, or None if there is none."""
    row = store.connection.execute("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else (row[0], row[1])


def details(store: Store, action: str) -> list[tuple[datetime, str, dict[str, str]]]:
    """When, of what, and with which detail: every event of an action, oldest first."""
    rows = store.connection.execute(
        "SELECT at, subject, detail FROM audit WHERE action = ? ORDER BY id", (action,)
    )
    return [
        (from_text(at), subject, msgspec.json.decode(detail, type=dict[str, str]))
        for at, subject, detail in rows
    ]


def has_event(store: Store, event: tuple[int, bytes]) -> bool:
    """Whether the trail has an event of this number and hash, so that history only grew."""
    query = "SELECT 1 FROM audit WHERE id = ? AND hash = ?"
    return store.connection.execute(query, event).fetchone() is not None


def has_head(store: Store, head: str) -> bool:
    """Whether an event has this hash, in lower-case hex digits."""
    try:
        hashed = bytes.fromhex(head)
    except ValueError:
        return False
    query = "SELECT 1 FROM audit WHERE hash = ?"
    return store.connection.execute(query, (hashed,)).fetchone() is not None


def newest_detail(store: Store, action: str) -> dict[str, str] | None:
    """The detail of the newest event with an action; None if there is none, or it is unreadable."""
    query = "SELECT detail FROM audit WHERE action = ? ORDER BY id DESC LIMIT 1"
    row = store.connection.execute(query, (action,)).fetchone()
    try:
        return None if row is None else msgspec.json.decode(row[0], type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeError, TypeError):
        return None


def hash_of(store: Store, number: int) -> bytes | None:
    """The hash of the event of a number, or None if there is none."""
    query = "SELECT hash FROM audit WHERE id = ?"
    row = store.connection.execute(query, (number,)).fetchone()
    return None if row is None else row[0]


def recent_times(store: Store, *, since: str) -> tuple[datetime, ...]:
    """The times of the last thousand events, oldest first, as their hosts' clocks had them.

    If one of them has the action ``since``, only those from the newest such event on.
    """
    rows = store.connection.execute(
        "SELECT at, action FROM audit ORDER BY id DESC LIMIT 1000"
    ).fetchall()
    start = next((place for place, row in enumerate(rows) if row[1] == since), len(rows) - 1)
    found = [text for text, _ in reversed(rows[: start + 1])]
    times = {text: from_text(text) for text in set(found)}  # a batch has many of one second
    return tuple(times[text] for text in found)


def count(store: Store) -> int:
    """The number of events."""
    return int(store.connection.execute("SELECT count(*) FROM audit").fetchone()[0])


def events(
    store: Store, *, skip_unreadable: bool = False, before: int | None = None, most: int = -1
) -> Iterator[RecordedEvent]:
    """Every event, oldest first; with ``before`` or ``most`` the newest below a number first.

    ``skip_unreadable``: leave out events that do not decode; ``log --verify`` reports these, since
    their hashes do not match.

    Raises:
        StoreError: an event cannot be read.
    """
    newest_first = before is not None or most >= 0
    rows = store.connection.execute(
        f"""SELECT id, at, action, subject, detail, row_table, row_id, row_hash,
                  os_user, host, version, previous, hash FROM audit WHERE id < ?
             ORDER BY id {"DESC" if newest_first else ""} LIMIT ?""",  # noqa: S608 - a word of ours
        (1 << 62 if before is None else before, most),
    )
    for row in rows:
        number, at, action, subject, detail, *rest = row
        try:
            details = msgspec.json.decode(detail, type=dict[str, str])
            yield RecordedEvent(number, from_text(at), action, subject, details, *rest)
        except (ValueError, TypeError, StoreError):
            if not skip_unreadable:
                raise StoreError(
                    f"'{store.path}' is damaged: the audit event {number} cannot be read",
                    hint="restore the last copy of the folder; sipca log --verify finds all damage",
                ) from None


def pin(store: Store, before: int, *, at: datetime, actor: Actor) -> None:
    """Record hashes of what events of an older schema did not cover, after an upgrade.

    That is state, profiles, open plans and requests. Alterations made before the upgrade cannot be
    detected: the rows are pinned as they are.
    """
    crls.hash_all(store)
    readable = _readable_challenges(store)
    if readable:
        settings.write(store, settings.READABLE_CHALLENGES, str(readable))
    note_everything(store)
    plans, requests, statuses = (
        store.connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]  # noqa: S608 - our own constants
        for table in ("plan", "request", "status_event")
    )
    detail = {
        "from": str(before),
        "to": str(VERSION),
        "plans": str(plans),
        "requests": str(requests),
        "requests_hash": requests_hash(store, requests),
        "status_events": str(statuses),
    }
    record(store, [Event(PINNED, "register", detail)], at=at, actor=actor)


def _readable_challenges(store: Store) -> int:
    """How many requests hold a challengePassword; those of schema 9 and later have it emptied."""
    query = "SELECT count(*) FROM request WHERE instr(der, ?) > 0 AND instr(der, ?) = 0"
    values = (_CHALLENGE_VALUES, _CHALLENGE_VALUES + b"\x00")
    return int(store.connection.execute(query, values).fetchone()[0])


_CHALLENGE_VALUES = encode_oid(CHALLENGE_TYPE) + bytes((SET,))
"""The type challengePassword (RFC 2985, 5.4.1) and the tag of its set of values."""


def requests_hash(store: Store, last: int) -> str:
    """One hash over all requests up to a number, each represented by the hash of its octets."""
    digest = sha256()
    for row in store.connection.execute(
        "SELECT id, sha256, key_identity, received_at FROM request WHERE id <= ? ORDER BY id",
        (last,),
    ):
        digest.update(msgspec.msgpack.encode(row))
    return digest.hexdigest()


def row_hash(
    store: Store, table: str, row_id: int | None, rows: int = 1, *, before_6: bool = False
) -> bytes:
    """The hash of an event's row, or of ``rows`` plans from ``row_id`` on; empty without a row."""
    if table == "plan" and row_id is not None:
        return _hash(store.connection.execute(_PLANS, (row_id, row_id + rows - 1)).fetchall())
    queries = {**_ROWS, **_BEFORE_6} if before_6 else _ROWS
    if table not in queries:
        return b""
    values = store.connection.execute(queries[table], (row_id,)).fetchall()
    if table == "status_event":  # without the last column, as before schema 6, unless it has a key
        values = [row[:-1] if row[-1] is None else row for row in values]
    return _hash(values)


def event_hash(values: Sequence[object], state: str | None) -> bytes:
    """The hash of an event: its columns without number and hash, and ``state`` if it has one."""
    return _hash(values if state is None else (*values, state))


def _hash(values: Sequence[object]) -> bytes:
    return sha256(msgspec.msgpack.encode(values)).digest()


def allowed_rules(store: Store, plan_ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """The rules that the operator overrode when these plans were signed; most have none."""
    wanted = set(plan_ids)
    allowed: dict[int, frozenset[str]] = {}
    if not wanted:
        return allowed
    rows = store.connection.execute(
        "SELECT row_id, detail FROM audit WHERE action = 'issued' AND detail LIKE '%\"allowed\"%'"
    )
    for plan_id, detail in rows:
        if plan_id in wanted:
            codes = msgspec.json.decode(detail, type=dict[str, str]).get("allowed", "")
            allowed[plan_id] = frozenset(code for code in codes.split(", ") if code)
    return allowed
