"""The CAs of a home and their keys.

Both tables are state: rows may change, and whoever changes one records an event.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.encoding.der import certificate
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


def add_issuer(
    store: Store,
    *,
    role: str,
    ca_id: str,
    key_id: int,
    parent_id: int | None,
    is_current: bool = True,
) -> int:
    """Add a CA; returns its number. Its certificate follows as a plan's result.

    One that is not current yet becomes it by ``make_current``.
    """
    cursor = store.connection.execute(
        """INSERT INTO issuer (role, ca_id, key_id, parent_id, is_current)
           VALUES (?, ?, ?, ?, ?)""",
        (role, ca_id, key_id, parent_id, int(is_current)),
    )
    number = _number(cursor.lastrowid)
    note_change(store, "issuer", number)
    return number


def make_current(store: Store, number: int) -> None:
    """Make a CA the current one of its role, in place of the one before."""
    rows = store.connection.execute(
        """SELECT id, id = ?1 FROM issuer
            WHERE role = (SELECT role FROM issuer WHERE id = ?1) AND is_current <> (id = ?1)""",
        (number,),
    ).fetchall()
    for changed, current in rows:
        store.connection.execute(
            "UPDATE issuer SET is_current = ? WHERE id = ?", (current, changed)
        )
        note_change(store, "issuer", changed)


def issuers(store: Store) -> list[IssuerRow]:
    """Every CA of the home, each with its newest certificate; cross certificates do not count.

    A CA that a rotation has begun may have no certificate yet.
    """
    rows = store.connection.execute(
        """SELECT i.id, i.role, i.ca_id, i.key_id, i.parent_id, i.is_current, p.tbs, r.signature
             FROM issuer i
             LEFT JOIN plan p
                    ON p.id = (SELECT max(q.id) FROM plan q JOIN result s ON s.plan_id = q.id
                                WHERE q.for_issuer_id = i.id
                                  AND q.issuer_id = coalesce(i.parent_id, i.id))
             LEFT JOIN result r ON r.plan_id = p.id
            ORDER BY i.id"""
    )
    return [
        IssuerRow(number, role, ca_id, key_id, parent_id, bool(current), tbs, signature)
        for number, role, ca_id, key_id, parent_id, current, tbs, signature in rows
    ]


class CACertificateRow(msgspec.Struct, frozen=True):
    """A certificate of a CA of this home, by another CA or by itself, newest or not."""

    plan_id: int
    issuer_id: int
    for_issuer_id: int
    serial: bytes
    der: bytes
    is_cross: bool


def ca_certificates(store: Store) -> list[CACertificateRow]:
    """Every certificate that was issued for a CA of this home, newest first; a handful.

    Cross certificates are those that a root has from another root (RFC 4210, 4.4).
    """
    rows = store.connection.execute(
        """SELECT p.id, p.issuer_id, p.for_issuer_id, p.serial, p.tbs, r.signature,
                  p.issuer_id <> coalesce(i.parent_id, i.id)
             FROM issuer i CROSS JOIN plan p ON p.for_issuer_id = i.id
             JOIN result r ON r.plan_id = p.id
            ORDER BY p.id DESC"""  # without CROSS JOIN every plan is read
    )
    return [
        CACertificateRow(plan_id, issuer, subject, serial, certificate(tbs, signature), bool(cross))
        for plan_id, issuer, subject, serial, tbs, signature, cross in rows
    ]


_LIVE = """FROM certificate c CROSS JOIN plan p ON p.id = c.plan_id
          WHERE p.issuer_id = ? AND c.not_after >= ? AND p.for_issuer_id IS NULL
            AND p.id NOT IN (SELECT plan_id FROM ocsp_signer)
            AND coalesce((SELECT s.status FROM status_event s
                           WHERE s.issuer_id = p.issuer_id AND s.serial = p.serial
                           ORDER BY s.id DESC LIMIT 1), 'released') <> 'revoked'"""
"""Certificates that a peer may still present: neither expired nor revoked; held ones count."""


def has_live(store: Store, issuer_id: int, now: datetime) -> bool:
    """Whether a CA has issued an end-entity certificate that is neither expired nor revoked."""
    values = (issuer_id, now.timestamp())
    return store.connection.execute(f"SELECT 1 {_LIVE} LIMIT 1", values).fetchone() is not None


def count_live(store: Store, issuer_id: int, now: datetime) -> int:
    """The number of a CA's end-entity certificates that are neither expired nor revoked."""
    values = (issuer_id, now.timestamp())
    return int(store.connection.execute(f"SELECT count(*) {_LIVE}", values).fetchone()[0])


def _number(rowid: int | None) -> int:
    assert rowid is not None
    return rowid
