"""The CAs of a home and their keys.

Both tables are state: rows may change, and whoever changes one records an event.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.errors import StoreError
from ca.store.connection import Store
from ca.store.state_hashes import note_change
from ca.store.timestamps import to_text


class KeyRow(msgspec.Struct, frozen=True):
    """A private key (PKCS#8, perhaps encrypted) and its SubjectPublicKeyInfo."""

    id: int
    label: str
    public: bytes
    pkcs8: bytes
    encrypted: bool


class IssuerRow(msgspec.Struct, frozen=True):
    """A CA of this home: its parent (None for the root), its key and its newest certificate."""

    id: int
    role: str
    ca_id: str
    key_id: int
    parent_id: int | None
    is_current: bool
    tbs: bytes | None
    signature: bytes | None


def add_key(
    store: Store, *, label: str, public: bytes, pkcs8: bytes, encrypted: bool, at: datetime
) -> int:
    """Store a key; returns its number."""
    cursor = store.connection.execute(
        "INSERT INTO key (label, public, pkcs8, encrypted, made_at) VALUES (?, ?, ?, ?, ?)",
        (label, public, pkcs8, int(encrypted), to_text(at)),
    )
    number = _number(cursor.lastrowid)
    note_change(store, "key", number)
    return number


def key(store: Store, number: int) -> KeyRow:
    """A key by its number.

    Raises:
        StoreError: there is no such key.
    """
    row = store.connection.execute(
        "SELECT id, label, public, pkcs8, encrypted FROM key WHERE id = ?", (number,)
    ).fetchone()
    if row is None:
        raise StoreError(
            f"'{store.path}' is damaged: the key row {number} of a CA is gone",
            hint="restore the last copy of the folder",
        )
    number, label, public, pkcs8, encrypted = row
    return KeyRow(number, label, public, pkcs8, bool(encrypted))


def replace_key(store: Store, number: int, before: bytes, after: bytes, *, encrypted: bool) -> bool:
    """Store a key in another form, unless it is not ``before`` any more; returns whether it did.

    ``after`` is empty for a key that leaves this home. SQLite overwrites the old octets.
    """
    cursor = store.connection.execute(
        "UPDATE key SET pkcs8 = ?, encrypted = ? WHERE id = ? AND pkcs8 = ?",
        (after, int(encrypted), number, before),
    )
    note_change(store, "key", number)
    return cursor.rowcount == 1


def add_issuer(store: Store, *, role: str, ca_id: str, key_id: int, parent_id: int | None) -> int:
    """Add a CA as a current one; returns its number. Its certificate follows as a plan's result."""
    cursor = store.connection.execute(
        """INSERT INTO issuer (role, ca_id, key_id, parent_id, is_current)
           VALUES (?, ?, ?, ?, 1)""",
        (role, ca_id, key_id, parent_id),
    )
    number = _number(cursor.lastrowid)
    note_change(store, "issuer", number)
    return number


def issuers(store: Store) -> list[IssuerRow]:
    """Every CA of the home, each with its newest certificate."""
    rows = store.connection.execute(
        """SELECT i.id, i.role, i.ca_id, i.key_id, i.parent_id, i.is_current, p.tbs, r.signature
             FROM issuer i
             LEFT JOIN plan p
                    ON p.id = (SELECT max(q.id) FROM plan q JOIN result s ON s.plan_id = q.id
                                WHERE q.for_issuer_id = i.id)
             LEFT JOIN result r ON r.plan_id = p.id
            ORDER BY i.id"""
    )
    return [
        IssuerRow(number, role, ca_id, key_id, parent_id, bool(current), tbs, signature)
        for number, role, ca_id, key_id, parent_id, current, tbs, signature in rows
    ]


def _number(rowid: int | None) -> int:
    assert rowid is not None
    return rowid
