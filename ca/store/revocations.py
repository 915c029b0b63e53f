"""Status events (revoked, held, released), the current status of serials, blocked keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from ca.errors import StoreError
from ca.model.status import KEY_COMPROMISE
from ca.store import derived
from ca.store.connection import Store, placeholders
from ca.store.timestamps import from_text, to_text


class StatusEvent(msgspec.Struct, frozen=True):
    """A change of one serial's status: "revoked", "held" or "released"."""

    issuer_id: int
    serial: bytes
    status: str
    reason: str
    invalid_since: datetime | None = None


class CurrentStatus(msgspec.Struct, frozen=True):
    """The status of a serial: "revoked" or "held", why, since when."""

    status: str
    reason: str
    since: datetime


def add_event(store: Store, event: StatusEvent, *, at: datetime) -> int:
    """Record a status event and apply it; returns its number.

    An event for key-compromise names the key, so that history alone says which keys are blocked.
    """
    since = None if event.invalid_since is None else to_text(event.invalid_since)
    one = (event.issuer_id, event.serial)
    values = (*one, event.status, event.reason, to_text(at), since)
    blocked = derived.key_identity_of(store, *one) if event.reason == KEY_COMPROMISE else None
    cursor = store.connection.execute(
        """INSERT INTO status_event (issuer_id, serial, status, reason, happened_at, invalid_since,
                                     key_identity)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (*values, blocked),
    )
    assert cursor.lastrowid is not None
    derived.apply_status(store, derived.StatusRow(cursor.lastrowid, *values, blocked))
    return cursor.lastrowid


def current_status(store: Store, issuer_id: int, serial: bytes) -> CurrentStatus | None:
    """The status of a serial according to history, or None if it is neither revoked nor held.

    Raises:
        StoreError: history says neither, but the derived table lists the serial.
    """
    rows = store.connection.execute(
        """SELECT id, status, reason, happened_at, 0 FROM status_event
            WHERE issuer_id = ?1 AND serial = ?2
            UNION ALL
           SELECT event_id, status, reason, happened_at, 1 FROM status
            WHERE issuer_id = ?1 AND serial = ?2
            ORDER BY 1""",
        (issuer_id, serial),
    ).fetchall()  # one statement, since another process may revoke the serial between two
    current = derived.resulting_status(row[1:4] for row in rows if not row[4])
    if current is None and any(row[4] for row in rows):
        raise StoreError(
            f"'{store.path}' is damaged: it lists {serial.hex()} as {rows[-1][1]}, but its history "
            "does not",
            hint="sipca log --verify names what is wrong; restore the last copy of the folder",
        )
    if current is None:
        return None
    status, reason, since = current
    return CurrentStatus(status, reason, from_text(since))


def look_up(store: Store, issuer_id: int, serial: bytes) -> tuple[bool, CurrentStatus | None]:
    """Whether a certificate with this serial was issued, and the serial's status, as OCSP asks.

    Raises:
        StoreError: as ``current_status``.
    """
    issued, has_status = store.connection.execute(
        """SELECT EXISTS (SELECT 1 FROM plan p JOIN result r ON r.plan_id = p.id
                           WHERE p.issuer_id = ?1 AND p.serial = ?2)
                  OR EXISTS (SELECT 1 FROM relic WHERE issuer_id = ?1 AND serial = ?2),
                  EXISTS (SELECT 1 FROM status_event WHERE issuer_id = ?1 AND serial = ?2)
                  OR EXISTS (SELECT 1 FROM status WHERE issuer_id = ?1 AND serial = ?2)""",
        (issuer_id, serial),
    ).fetchone()
    return bool(issued), current_status(store, issuer_id, serial) if has_status else None


def is_blocked(store: Store, key_identity: bytes) -> bool:
    """Whether a certificate for this key was ever revoked for key-compromise."""
    return bool(blocked_keys(store, [key_identity]))


def blocked_keys(store: Store, key_identities: Sequence[bytes]) -> set[bytes]:
    """Which of these keys were ever revoked for key-compromise.

    Read from history, and from the derived table too: events older than schema 6 name no key.
    """
    values = placeholders(key_identities)
    rows = store.connection.execute(
        f"""SELECT key_identity FROM status_event WHERE key_identity IN ({values})
            UNION ALL
            SELECT key_identity FROM blocked_key WHERE key_identity IN ({values})""",  # noqa: S608
        (*key_identities, *key_identities),
    )
    return {row[0] for row in rows}


def last_event(store: Store, issuer_id: int) -> int:
    """The number of an issuer's newest status event, or 0."""
    query = "SELECT coalesce(max(id), 0) FROM status_event WHERE issuer_id = ?"
    return int(store.connection.execute(query, (issuer_id,)).fetchone()[0])


def serials_with_events(store: Store) -> set[tuple[int, bytes]]:
    """Issuer and serial of everything that was ever revoked, held or released here."""
    query = "SELECT DISTINCT issuer_id, serial FROM status_event"
    return set(store.connection.execute(query).fetchall())


def held(store: Store, issuer_id: int) -> list[bytes]:
    """The serials of an issuer that are on hold."""
    query = "SELECT serial FROM status WHERE issuer_id = ? AND status = 'held' ORDER BY serial"
    return [row[0] for row in store.connection.execute(query, (issuer_id,))]
