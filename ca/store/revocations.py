"""Status events: what was revoked, held, released; which keys are blocked; what a serial is now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from ca.store import derived
from ca.store.connection import Store, marks
from ca.store.moments import from_text, to_text


class StatusEvent(msgspec.Struct, frozen=True):
    """A change of one serial's status: "revoked", "held" or "released"."""

    issuer_id: int
    serial: bytes
    status: str
    reason: str
    invalid_since: datetime | None = None


class CurrentStatus(msgspec.Struct, frozen=True):
    """What a serial is now: "revoked" or "held", why, since when."""

    status: str
    reason: str
    since: datetime


def add_event(store: Store, event: StatusEvent, *, at: datetime) -> int:
    """Record a status event and let it take effect; its number."""
    since = None if event.invalid_since is None else to_text(event.invalid_since)
    values = (event.issuer_id, event.serial, event.status, event.reason, to_text(at), since)
    cursor = store.connection.execute(
        """INSERT INTO status_event (issuer_id, serial, status, reason, happened_at, invalid_since)
           VALUES (?, ?, ?, ?, ?, ?)""",
        values,
    )
    assert cursor.lastrowid is not None
    derived.apply_status(store, derived.StatusRow(cursor.lastrowid, *values))
    return cursor.lastrowid


def current(store: Store, issuer_id: int, serial: bytes) -> CurrentStatus | None:
    """What a serial is now, or None if it is neither revoked nor held."""
    row = store.connection.execute(
        "SELECT status, reason, happened_at FROM status WHERE issuer_id = ? AND serial = ?",
        (issuer_id, serial),
    ).fetchone()
    return None if row is None else CurrentStatus(row[0], row[1], from_text(row[2]))


def looked_up(store: Store, issuer_id: int, serial: bytes) -> tuple[bool, CurrentStatus | None]:
    """Whether a certificate was issued with a serial, and what the serial is now: in one look."""
    issued, status, reason, since = store.connection.execute(
        """SELECT EXISTS (SELECT 1 FROM plan p JOIN result r ON r.plan_id = p.id
                           WHERE p.issuer_id = ?1 AND p.serial = ?2),
                  s.status, s.reason, s.happened_at
             FROM (SELECT 1) LEFT JOIN status s ON s.issuer_id = ?1 AND s.serial = ?2""",
        (issuer_id, serial),
    ).fetchone()
    found = None if status is None else CurrentStatus(status, reason, from_text(since))
    return bool(issued), found


def is_blocked(store: Store, key_identity: bytes) -> bool:
    """Whether a key was ever revoked for key-compromise."""
    query = "SELECT 1 FROM blocked_key WHERE key_identity = ?"
    return store.connection.execute(query, (key_identity,)).fetchone() is not None


def blocked_keys(store: Store, key_identities: Sequence[bytes]) -> set[bytes]:
    """Those of these keys that were ever revoked for key-compromise."""
    query = f"SELECT key_identity FROM blocked_key WHERE key_identity IN ({marks(key_identities)})"  # noqa: S608 - marks
    return {row[0] for row in store.connection.execute(query, key_identities)}


def last_event(store: Store, issuer_id: int) -> int:
    """The number of an issuer's newest status event, 0 if there is none."""
    query = "SELECT coalesce(max(id), 0) FROM status_event WHERE issuer_id = ?"
    return int(store.connection.execute(query, (issuer_id,)).fetchone()[0])
