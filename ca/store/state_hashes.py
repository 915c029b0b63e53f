"""Hashes of state in the audit trail, and comparing state with them.

The ``state`` of an event is JSON: the rows that its transaction changed, each with its new hash
(null: deleted), and one hash over all small tables of state. Whatever signs first compares keys,
issuers, settings, OCSP signers and CRLs with the newest such event (``assert_state_unaltered``),
which means reading some twenty rows. All such events together determine every row of state
(``problems``).
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated

import msgspec

from ca.errors import StoreError
from ca.store.connection import Store

PINNED = "upgraded"
"""The action of the event that records hashes of what older schemas did not cover."""
RowKey = str | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""The key of a row: a name, or a 64-bit number."""

SMALL_TABLES = ("key", "issuer", "setting", "ocsp_signer", "crl")
"""Tables of state that have few rows however large the register is."""
_ROWS = {
    "key": ("id", "SELECT id, label, public, pkcs8, encrypted, made_at FROM key"),
    "issuer": ("id", "SELECT id, role, ca_id, key_id, parent_id, is_current FROM issuer"),
    "setting": ("name", "SELECT name, value FROM setting"),
    "ocsp_signer": ("plan_id", "SELECT plan_id, issuer_id, key_id, role FROM ocsp_signer"),
    "crl": (
        "issuer_id",
        """SELECT issuer_id, number, this_update, next_update, entries, last_event, listed,
                  sha256
             FROM crl""",
    ),
    "device": (
        "name",
        "SELECT lower(name), name, target, context, addresses, proxy_sets, changed_at FROM device",
    ),
}
"""For each table its key column, and a query for its rows with the key first.

The key of ``device`` is in lower case, since the table ignores case.
"""
_PINNED = {
    "profile_text": ("hex(sha256)", "SELECT hex(sha256), name, text FROM profile_text"),
    "plan": (
        "id",
        """SELECT id, issuer_id, serial, request_id, profile_sha256, for_issuer_id, device, context,
                  lifetime, source, tbs, account, planned_at FROM plan""",
    ),
}
"""History that no event covered before schema 6: the upgrade records the hash of each row."""


class Change(msgspec.Struct, frozen=True, array_like=True):
    """A changed row: its new hash, or None if it was deleted."""

    table: str
    key: RowKey
    hash: str | None


class State(msgspec.Struct, frozen=True):
    """What an event records about state: changed rows, and the hash of all small tables."""

    changed: tuple[Change, ...]
    small: str


def note_change(store: Store, table: str, key: RowKey) -> None:
    """Note that a row of state was changed; the next event records it."""
    store.changed.append((table, _folded(key) if table == "device" else key))


def take_changes(store: Store) -> str | None:
    """The ``state`` of the event that is recorded next, or None if no row was changed.

    The changes count as recorded from here on.
    """
    if not store.changed:
        return None
    changed = [Change(table, key, _hash_of(store, table, key)) for table, key in store.changed]
    store.changed.clear()
    return msgspec.json.encode(
        State(tuple(dict.fromkeys(changed)), hash_small_tables(store))
    ).decode()


def note_everything(store: Store) -> None:
    """Note every row of state, and the history that no event covered so far."""
    store.changed += _all(store)
    texts = store.connection.execute("SELECT hex(sha256) FROM profile_text")
    store.changed += [("profile_text", key) for (key,) in texts]
    left = store.connection.execute("SELECT plan_id FROM open_plan")
    store.changed += [("plan", number) for (number,) in left]


def hash_small_tables(store: Store) -> str:
    """One hash over all rows of the small tables."""
    digest = sha256()
    for table in SMALL_TABLES:
        for key, row in _rows(store, table):
            digest.update(msgspec.msgpack.encode((table, key, row)))
    return digest.hexdigest()


def assert_state_unaltered(store: Store) -> None:
    """Check that the small tables are as the newest event with ``state`` recorded them.

    Raises:
        StoreError: a key, issuer, setting, OCSP signer or CRL was altered.
    """
    row = store.connection.execute(
        "SELECT id, state FROM audit WHERE state IS NOT NULL ORDER BY id DESC LIMIT 1"
    ).fetchone()
    recorded = None if row is None else _read(row[1])
    if recorded is None or recorded.small != hash_small_tables(store):
        raise StoreError(
            f"the keys, CAs, settings, OCSP signers or CRLs of '{store.path}' differ from its "
            "history",
            hint="'sipca log --verify' names what was altered; restore the last copy of the folder",
        )


def assert_status_events(store: Store) -> None:
    """Check that no status event is missing, as far as ``missing_status_events`` can see.

    Raises:
        StoreError: one is missing.
    """
    for problem in missing_status_events(store):
        raise StoreError(
            f"'{store.path}': {problem}",
            hint="'sipca log --verify' names what is gone; restore the last copy of the folder",
        )


def missing_status_events(store: Store) -> Iterator[str]:
    """Status events missing from history, judged by their count and by the newest CRLs."""
    count, newest, listed = store.connection.execute(
        """SELECT (SELECT count(*) FROM status_event),
                  (SELECT coalesce(max(id), 0) FROM status_event),
                  (SELECT coalesce(max(last_event), 0) FROM crl)"""
    ).fetchone()
    if count != newest or listed > newest:
        yield f"of {max(newest, listed)} status events {count} are there: revocations are missing"


def problems(store: Store) -> Iterator[str]:
    """How rows of state differ from their newest hashes in the trail, a sentence each."""
    expected: dict[tuple[str, RowKey], tuple[str | None, int]] = {}
    for number, text in store.connection.execute(
        "SELECT id, state FROM audit WHERE state IS NOT NULL ORDER BY id"
    ):
        state = _read(text)
        if state is None:
            yield f"what event {number} records of state cannot be read: it was altered"
            continue
        for change in state.changed:
            expected[change.table, change.key] = (change.hash, number)
    for (table, key), (hashed, number) in expected.items():
        actual = _hash_of(store, table, key)
        if actual is None and hashed is not None:
            yield f"the {table} row {key} that event {number} describes is gone"
        elif actual is not None and hashed is None:
            yield f"the {table} row {key} is there, though event {number} removed it"
        elif actual != hashed:
            yield f"the {table} row {key} was altered: it is not as event {number} recorded it"
    for table, key in _all(store):
        if (table, key) not in expected:
            yield f"the {table} row {key} has no event"
    yield from _piece_problems(store)


def _piece_problems(store: Store) -> Iterator[str]:
    """CRLs whose octets do not have the hash in their ``crl`` row."""
    hashes = dict(store.connection.execute("SELECT issuer_id, sha256 FROM crl"))
    digests = {issuer: sha256() for issuer in hashes}
    counts = dict.fromkeys(hashes, 0)
    for issuer, piece, octets in store.connection.execute(
        "SELECT issuer_id, piece, octets FROM crl_piece ORDER BY issuer_id, piece"
    ):
        if issuer not in digests or piece != counts[issuer]:
            yield f"the crl_piece row {issuer} {piece} is not where a piece of a CRL can be"
            continue
        counts[issuer] += 1
        digests[issuer].update(octets)
    for issuer, hashed in hashes.items():
        if digests[issuer].digest() != hashed:
            yield f"the crl_piece rows of issuer {issuer} are not the CRL that was signed"


def _all(store: Store) -> Iterator[tuple[str, RowKey]]:
    """Table and key of every row of state but those of ``crl_piece``, whose hash is in ``crl``."""
    for table in _ROWS:
        yield from ((table, key) for key, _ in _rows(store, table))


def pinned_plans(store: Store) -> set[int]:
    """Plans that were open when the register was upgraded."""
    plans: set[int] = set()
    for (text,) in store.connection.execute(
        "SELECT state FROM audit WHERE state IS NOT NULL AND action = ?", (PINNED,)
    ):
        state = _read(text)
        changed = () if state is None else state.changed
        plans |= {each.key for each in changed if each.table == "plan" and each.hash}  # type: ignore[misc]
    return plans


def _read(text: object) -> State | None:
    try:
        state = msgspec.json.decode(str(text), type=State)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return state if all(each.table in {*_ROWS, *_PINNED} for each in state.changed) else None


def _rows(store: Store, table: str) -> Iterator[tuple[RowKey, tuple[object, ...]]]:
    column, select = _ROWS[table]
    for key, *rest in store.connection.execute(f"{select} ORDER BY {column}"):
        yield key, tuple(rest)


def _hash_of(store: Store, table: str, key: RowKey) -> str | None:
    column, select = {**_ROWS, **_PINNED}[table]
    row = store.connection.execute(f"{select} WHERE {column} = ?", (key,)).fetchone()
    return None if row is None else sha256(msgspec.msgpack.encode(row)).hexdigest()


def _folded(key: RowKey) -> RowKey:
    """A key with ASCII letters in lower case, as SQLite's ``lower`` and NOCASE treat it."""
    return key if isinstance(key, int) else key.encode().lower().decode()
