"""State held against the trail: what every event that changes state says of the rows it changed.

An event's ``state`` is JSON: the rows that it changed, each with the hash it has from then on
(null: gone), and the hash of all small tables of state together. So the newest such event says
what keys, issuers, settings, OCSP signers and CRLs the register has: held against the rows at the
start of whatever signs, at the cost of reading some twenty rows (``assert_standing``); and all of
them together say what every row of state must be (``problems``).
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated

import msgspec

from ca.errors import StoreError
from ca.store.connection import Store

PINNED = "upgraded"
"""The event that pins what no event of an older register described."""
Key = str | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What names a row: a name, or a number of SQLite's."""

SMALL = ("key", "issuer", "setting", "ocsp_signer", "crl")
"""Tables of state that have few rows, whatever the register's size."""
_ROWS = {
    "key": ("id", "SELECT id, label, public, pkcs8, encrypted, made_at FROM key"),
    "issuer": ("id", "SELECT id, role, ca_id, key_id, parent_id, is_current FROM issuer"),
    "setting": ("name", "SELECT name, value FROM setting"),
    "ocsp_signer": ("plan_id", "SELECT plan_id, issuer_id, key_id FROM ocsp_signer"),
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
"""The column that names a row of a table, and its rows with their key first.

``device`` is keyed without case, as its table is.
"""
_PINNED = {
    "profile_text": ("hex(sha256)", "SELECT hex(sha256), name, text FROM profile_text"),
    "plan": (
        "id",
        """SELECT id, issuer_id, serial, request_id, profile_sha256, for_issuer_id, device, context,
                  lifetime, source, tbs, account, planned_at FROM plan""",
    ),
}
"""History that no event described before schema 6: pinned row by row when it was upgraded."""


class Change(msgspec.Struct, frozen=True, array_like=True):
    """What became of a row: its hash from then on, None if it is gone."""

    table: str
    key: Key
    hash: str | None


class State(msgspec.Struct, frozen=True):
    """What an event says of state."""

    changed: tuple[Change, ...]
    small: str


def note(store: Store, table: str, key: Key) -> None:
    """Say that a row of state was changed: the next event recorded tells it."""
    store.changed.append((table, _folded(key) if table == "device" else key))


def told(store: Store) -> str | None:
    """What an event recorded now has to say of state; None where nothing was changed."""
    if not store.changed:
        return None
    changed = [Change(table, key, _hash_of(store, table, key)) for table, key in store.changed]
    store.changed.clear()
    return msgspec.json.encode(State(tuple(dict.fromkeys(changed)), small(store))).decode()


def note_all(store: Store) -> None:
    """Say that all of state was changed, and pin history that no event described so far."""
    store.changed += _all(store)
    texts = store.connection.execute("SELECT hex(sha256) FROM profile_text")
    store.changed += [("profile_text", key) for (key,) in texts]
    left = store.connection.execute("SELECT plan_id FROM open_plan")
    store.changed += [("plan", number) for (number,) in left]


def small(store: Store) -> str:
    """The hash of all rows of the small tables."""
    summed = sha256()
    for table in SMALL:
        for key, row in _rows(store, table):
            summed.update(msgspec.msgpack.encode((table, key, row)))
    return summed.hexdigest()


def assert_standing(store: Store) -> None:
    """Keys, issuers, settings, OCSP signers and CRLs are what the newest event about them says.

    Raises:
        StoreError: they are not.
    """
    row = store.connection.execute(
        "SELECT id, state FROM audit WHERE state IS NOT NULL ORDER BY id DESC LIMIT 1"
    ).fetchone()
    said = None if row is None else _read(row[1])
    if said is None or said.small != small(store):
        raise StoreError(
            f"the keys, CAs, settings, OCSP signers or CRLs of '{store.path}' are not what its "
            "history says",
            hint="'sipca log --verify' names what was altered; restore the last copy of the folder",
        )


def assert_status_events(store: Store) -> None:
    """No status event is missing, as far as ``missing_status_events`` sees.

    Raises:
        StoreError: one is.
    """
    for problem in missing_status_events(store):
        raise StoreError(
            f"'{store.path}': {problem}",
            hint="'sipca log --verify' names what is gone; restore the last copy of the folder",
        )


def missing_status_events(store: Store) -> Iterator[str]:
    """Revocations missing from history, seen by their count and by what the newest CRLs tell."""
    count, most, told = store.connection.execute(
        """SELECT (SELECT count(*) FROM status_event),
                  (SELECT coalesce(max(id), 0) FROM status_event),
                  (SELECT coalesce(max(last_event), 0) FROM crl)"""
    ).fetchone()
    if count != most or told > most:
        yield f"of {max(most, told)} status events {count} are there: revocations are missing"


def problems(store: Store) -> Iterator[str]:
    """How rows of state differ from what the events say of them, a sentence each."""
    expected: dict[tuple[str, Key], tuple[str | None, int]] = {}
    for number, text in store.connection.execute(
        "SELECT id, state FROM audit WHERE state IS NOT NULL ORDER BY id"
    ):
        state = _read(text)
        if state is None:
            yield f"what event {number} says of state cannot be read: it was altered"
            continue
        for each in state.changed:
            expected[each.table, each.key] = (each.hash, number)
    for (table, key), (hashed, number) in expected.items():
        found = _hash_of(store, table, key)
        if found is None and hashed is not None:
            yield f"the {table} row {key} that event {number} tells of is gone"
        elif found is not None and hashed is None:
            yield f"the {table} row {key} is there, though event {number} removed it"
        elif found != hashed:
            yield f"the {table} row {key} is not what event {number} says: it was altered"
    for table, key in _all(store):
        if (table, key) not in expected:
            yield f"the {table} row {key} has no event"
    yield from _piece_problems(store)


def _piece_problems(store: Store) -> Iterator[str]:
    """Octets of CRLs that are not those whose hash their ``crl`` row has."""
    hashes = dict(store.connection.execute("SELECT issuer_id, sha256 FROM crl"))
    summed = {issuer: sha256() for issuer in hashes}
    counts = dict.fromkeys(hashes, 0)
    for issuer, piece, octets in store.connection.execute(
        "SELECT issuer_id, piece, octets FROM crl_piece ORDER BY issuer_id, piece"
    ):
        if issuer not in summed or piece != counts[issuer]:
            yield f"the crl_piece row {issuer} {piece} is not where a piece of a CRL can be"
            continue
        counts[issuer] += 1
        summed[issuer].update(octets)
    for issuer, hashed in hashes.items():
        if summed[issuer].digest() != hashed:
            yield f"the crl_piece rows of issuer {issuer} are not the CRL that was signed"


def _all(store: Store) -> Iterator[tuple[str, Key]]:
    """Every row of state by table and key, but those of ``crl_piece``: ``crl`` has their hash."""
    for table in _ROWS:
        yield from ((table, key) for key, _ in _rows(store, table))


def pinned_plans(store: Store) -> set[int]:
    """Plans that an upgrade found without an end, and pinned."""
    found: set[int] = set()
    for (text,) in store.connection.execute(
        "SELECT state FROM audit WHERE state IS NOT NULL AND action = ?", (PINNED,)
    ):
        state = _read(text)
        changed = () if state is None else state.changed
        found |= {each.key for each in changed if each.table == "plan" and each.hash}  # type: ignore[misc]
    return found


def _read(text: object) -> State | None:
    try:
        state = msgspec.json.decode(str(text), type=State)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return state if all(each.table in {*_ROWS, *_PINNED} for each in state.changed) else None


def _rows(store: Store, table: str) -> Iterator[tuple[Key, tuple[object, ...]]]:
    column, select = _ROWS[table]
    for key, *rest in store.connection.execute(f"{select} ORDER BY {column}"):
        yield key, tuple(rest)


def _hash_of(store: Store, table: str, key: Key) -> str | None:
    column, select = {**_ROWS, **_PINNED}[table]
    row = store.connection.execute(f"{select} WHERE {column} = ?", (key,)).fetchone()
    return None if row is None else sha256(msgspec.msgpack.encode(row)).hexdigest()


def _folded(key: Key) -> Key:
    """ASCII letters in lower case, as SQLite's ``lower`` and NOCASE have it."""
    return key if isinstance(key, int) else key.encode().lower().decode()
