"""Verifying a register: the audit trail, and history, state and derived tables against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256

import msgspec

from ca.errors import StoreError
from ca.store import audit, state_hashes
from ca.store.audit import GENESIS
from ca.store.connection import Store
from ca.store.derived import IndexEntry
from ca.store.derived_checks import index_problems, open_plan_problems, revocation_problems
from ca.store.schema import trigger_problems
from ca.store.state_hashes import PINNED

_KEYS = {
    "plan": "id",
    "result": "plan_id",
    "abandonment": "plan_id",
    "status_event": "id",
    "relic": "id",
    "attachment": "id",
    "challenge": "id",
    "enrolment": "id",
    "enrolment_end": "enrolment_id",
    "crl_number": "id",
    "supersession": "new_plan_id",
}
"""Tables whose rows events describe, and the column with the row's number."""
_NUMBERED = (
    "request",
    "plan",
    "status_event",
    "relic",
    "attachment",
    "challenge",
    "enrolment",
    "crl_number",
    "audit",
)
"""Tables of history whose numbers have no gaps: failed transactions use none."""
_NONE = "-"
_LAST = (1 << 63) - 1
"""The largest number that a row can have."""


class Pin(msgspec.Struct, frozen=True):
    """What the upgrade to schema 6 recorded: how many rows, up to its event, no event describes."""

    event: int = 0
    plans: int = 0
    requests: int = 0
    requests_hash: str = _NONE
    status_events: int = 0


class _RowNumbers:
    """A set of row numbers: a bitmap for numbers as dense as ours, a set for the others."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._odd: set[int] = set()

    def add(self, first: int, count: int = 1) -> None:
        for number in range(first, first + count):
            place = number >> 3
            if not 0 <= place < 2 * len(self._bits) + 65536:
                self._odd.add(number)
                continue
            if place >= len(self._bits):
                self._bits.extend(bytes(place + 65536 - len(self._bits)))
            self._bits[place] |= 1 << (number & 7)

    def __contains__(self, number: int) -> bool:
        place = number >> 3
        within = 0 <= place < len(self._bits) and self._bits[place] >> (number & 7) & 1
        return bool(within) or number in self._odd


def problems(store: Store, index_of: Callable[[bytes], IndexEntry] | None = None) -> Iterator[str]:
    """Every inconsistency of a register, a sentence each.

    Verifies the chain of events, the rows of history that they describe, rows without an event,
    state, and (with ``index_of``) every derived table. Memory is bounded, whatever the size.

    A register that was rewritten as a whole, or lost its last events together with their rows, is
    consistent: detecting that needs a head noted elsewhere.
    """
    yield from history_problems(store)
    if index_of is not None:
        yield from derived_problems(store, index_of)


def history_problems(store: Store) -> Iterator[str]:
    """The inconsistencies of the trail, of history and of state."""
    pin = find_pin(store)
    yield from _readable("the file", _file_problems(store))
    yield from trigger_problems(store)
    yield from _readable("the trail", _trail_problems(store, pin))
    yield from _readable("the numbering of history", numbering_problems(store))
    yield from _readable("the requests", _request_problems(store, pin))
    yield from _readable("the profiles' texts", _profile_problems(store))
    yield from _readable("state", state_hashes.problems(store))


def derived_problems(store: Store, index_of: Callable[[bytes], IndexEntry]) -> Iterator[str]:
    """Where derived tables differ from history."""
    yield from _revocation_problems(store)
    yield from _readable("the certificate index", index_problems(store, index_of))


def quick_history_problems(store: Store) -> Iterator[str]:
    """The inconsistencies of history and state that show without reading every event."""
    yield from trigger_problems(store)
    yield from _readable("the numbering of history", numbering_problems(store))
    yield from _readable("the status events", state_hashes.missing_status_events(store))
    yield from _readable("state", state_hashes.problems(store))


def quick_derived_problems(store: Store) -> Iterator[str]:
    """Where derived tables differ from history; of the certificate index only its size."""
    yield from _revocation_problems(store)
    rows, results = _count(store, "certificate"), _count(store, "result")
    if rows != results:
        yield f"the certificate index has {rows} rows for {results} certificates"


def _revocation_problems(store: Store) -> Iterator[str]:
    before_6 = find_pin(store).status_events
    yield from _readable("the open plans", open_plan_problems(store))
    yield from _readable("what is revoked", revocation_problems(store, before_6))


def _readable(what: str, problems: Iterator[str]) -> Iterator[str]:
    """The problems, and one more if a row holds values that its columns cannot have.

    A file whose octets were damaged may hold such values: SQLite does not check constraints, such
    as NOT NULL, when it reads.
    """
    try:
        yield from problems
    except (StoreError, TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        yield f"{what} cannot be read to the end: a row is damaged ({type(error).__name__})"


def find_pin(store: Store) -> Pin:
    """What the upgrade to schema 6 recorded; empty if the register began with it or later.

    Later upgrades pin state anew, but events already covered history before them.
    """
    for number, text in store.connection.execute(
        "SELECT id, detail FROM audit WHERE state IS NOT NULL AND action = ? ORDER BY id DESC",
        (PINNED,),
    ):
        try:
            detail = msgspec.json.decode(text, type=dict[str, str])
            if int(detail["from"]) >= _COVERED:
                continue
            numbers = [int(detail[name]) for name in ("plans", "requests", "status_events")]
            return Pin(number, numbers[0], numbers[1], detail["requests_hash"], numbers[2])
        except (msgspec.MsgspecError, UnicodeError, KeyError, ValueError):
            return Pin(number)  # the event was altered, which is reported elsewhere
    return Pin()


_COVERED = 6
"""The schema since which events cover all of history."""


def _file_problems(store: Store) -> Iterator[str]:
    """What SQLite's own check finds: rows missing in indexes, values of a wrong type."""
    for (result,) in store.connection.execute("PRAGMA integrity_check(20)"):
        if result != "ok":
            yield f"SQLite reports: {result}"


def trail_problems(store: Store, *, after: int, upto: int) -> Iterator[str]:
    """The inconsistencies of the events after one, up to another, and of the rows they describe."""
    events = _event_problems(store, find_pin(store), _nothing_described(), after=after, upto=upto)
    yield from _readable("the trail", events)


def _trail_problems(store: Store, pin: Pin) -> Iterator[str]:
    described = _nothing_described()
    yield from _event_problems(store, pin, described)
    yield from _undescribed_rows(store, described, pin)


def _nothing_described() -> dict[str, _RowNumbers]:
    return {table: _RowNumbers() for table in _KEYS}


def _event_problems(
    store: Store,
    pin: Pin,
    described: dict[str, _RowNumbers],
    *,
    after: int = 0,
    upto: int = _LAST,
) -> Iterator[str]:
    """Problems of events and their rows; which rows they describe is added to ``described``."""
    previous = audit.hash_of(store, after) or GENESIS
    for row in store.connection.execute(
        """SELECT id, hash, at, action, subject, detail, row_table, row_id, row_hash,
                  os_user, host, version, previous, state
             FROM audit WHERE id > ? AND id <= ? ORDER BY id""",
        (after, upto),
    ):
        number, hashed, *values, state = row
        if values[-1] != previous:
            yield f"event {number} does not follow the one before it"
        if audit.event_hash(values, state) != hashed:
            yield f"event {number} was altered"
        table, row_id, row_hash = values[4], values[5], values[6]
        if table in _KEYS and row_id is not None:
            rows = _plan_count(values[3]) if table == "plan" else 1
            described[table].add(row_id, rows)
            before_6 = number <= pin.event
            if audit.row_hash(store, table, row_id, rows, before_6=before_6) != row_hash:
                yield _row_problem(store, table, row_id, rows, number)
        previous = hashed


def _plan_count(detail: str) -> int:
    """How many plans a ``planned`` event describes; 1 if the event cannot be read any more."""
    try:
        return max(1, min(100_000, int(msgspec.json.decode(detail, type=dict[str, str])["plans"])))
    except (msgspec.MsgspecError, UnicodeError, KeyError, ValueError):
        return 1


def _row_problem(store: Store, table: str, row_id: int, rows: int, number: int) -> str:
    if table == "plan" and rows > 1:
        present = store.connection.execute(
            "SELECT id FROM plan WHERE id BETWEEN ? AND ?", (row_id, row_id + rows - 1)
        )
        gone = set(range(row_id, row_id + rows)) - {each for (each,) in present}
        shown = ", ".join(f"the plan row {each}" for each in sorted(gone)[:5])
        if gone:
            return f"{shown} that event {number} describes is gone"
        what = f"of the plan rows {row_id} to {row_id + rows - 1} that event {number} describes"
        return f"one {what} was altered, or its request row or the name of its profile_text row"
    if table in ("plan", "result", "abandonment"):
        return _plan_problem(store, table, row_id, number)
    column = _KEYS[table]
    query = f"SELECT 1 FROM {table} WHERE {column} = ?"  # noqa: S608 - our own constants
    gone_or = "was altered" if store.connection.execute(query, (row_id,)).fetchone() else "is gone"
    return f"the {table} row {row_id} that event {number} describes {gone_or}"


def _plan_problem(store: Store, table: str, row_id: int, number: int) -> str:
    column = _KEYS[table]
    query = f"SELECT 1 FROM {table} WHERE {column} = ?"  # noqa: S608 - our own constants
    what = f"the {table} row {row_id} that event {number} describes"
    if store.connection.execute(query, (row_id,)).fetchone() is None:
        return f"{what} is gone"
    plan = store.connection.execute(
        "SELECT request_id, hex(profile_sha256) FROM plan WHERE id = ?", (row_id,)
    ).fetchone()
    if plan is None:
        return f"{what} has lost its plan row {row_id}, which is gone"
    parts = [] if table == "plan" else [f"its plan row {row_id}"]
    parts += [] if plan[0] is None else [f"its request row {plan[0]}"]
    parts.append(f"its profile_text row {plan[1][:16].lower()}")
    return f"{what} was altered, or {', '.join(parts)}"


def _undescribed_rows(store: Store, described: dict[str, _RowNumbers], pin: Pin) -> Iterator[str]:
    for table, column in _KEYS.items():
        numbers = described[table]
        for (row_id,) in store.connection.execute(f"SELECT {column} FROM {table}"):  # noqa: S608 - our own constants
            if row_id in numbers or (table == "plan" and 0 < row_id <= pin.plans):
                continue
            yield f"the {table} row {row_id} has no event"
    ends = (described["result"], described["abandonment"])
    pinned = state_hashes.pinned_plans(store)
    for (row_id,) in store.connection.execute("SELECT id FROM plan WHERE id <= ?", (pin.plans,)):
        if row_id not in pinned and not any(row_id in each for each in ends):
            yield f"the plan row {row_id} has no event"


def numbering_problems(store: Store) -> Iterator[str]:
    """Gaps in the numbering of history: rows are missing."""
    for table in _NUMBERED:
        count, least, most = store.connection.execute(
            f"SELECT count(*), min(id), max(id) FROM {table}"  # noqa: S608 - our own constants
        ).fetchone()
        if count and (least < 1 or most != count):
            yield f"{table} has {count} rows, but they are numbered {least} to {most}"


def _request_problems(store: Store, pin: Pin) -> Iterator[str]:
    rows = store.connection.execute(
        """SELECT q.id, q.sha256, q.der, q.key_identity, q.received_at,
                  (SELECT p.planned_at FROM plan p WHERE p.request_id = q.id ORDER BY p.id LIMIT 1),
                  (SELECT c.key_identity FROM plan p JOIN certificate c ON c.plan_id = p.id
                    WHERE p.request_id = q.id LIMIT 1)
             FROM request q"""
    )
    for number, hashed, content, key, received_at, planned_at, certified in rows:
        if sha256(content).digest() != hashed:
            yield f"the request {number} was altered"
        if planned_at is None:
            yield f"the request row {number} has no plan: it was added"
        elif planned_at != received_at:
            yield f"the request row {number} was not received when its plan was written"
        if certified is not None and certified != key:
            yield f"the request row {number} has another key than its certificate"
    for plan, number in store.connection.execute(
        """SELECT id, request_id FROM plan
            WHERE request_id IS NOT NULL AND request_id NOT IN (SELECT id FROM request)"""
    ):
        yield f"the request row {number} of the plan row {plan} is gone"
    if pin.requests_hash not in (_NONE, audit.requests_hash(store, pin.requests)):
        yield (
            f"the request rows 1 to {pin.requests} are not those that event {pin.event} recorded "
            "when the register was upgraded"
        )


def _profile_problems(store: Store) -> Iterator[str]:
    without_text = {
        row[0] for row in store.connection.execute("SELECT DISTINCT profile_sha256 FROM plan")
    }
    for name, hashed, text in store.connection.execute(
        "SELECT name, sha256, text FROM profile_text"
    ):
        if sha256(text.encode()).digest() != hashed:
            yield f"the stored text of profile {name} was altered"
        if hashed not in without_text:
            yield f"the profile_text row {hashed.hex()[:16]} ({name}) has no plan: it was added"
        without_text.discard(hashed)
    for hashed in sorted(without_text):
        yield f"the profile_text row {hashed.hex()[:16]} is gone"


def _count(store: Store, table: str) -> int:
    return int(store.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
