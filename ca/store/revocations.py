"""Status events: what was revoked, held, released; which keys are blocked; what a serial is now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from ca.errors import StoreError
from ca.model.status import KEY_COMPROMISE
from ca.store import derived
from ca.store.connection import Store, marks
from ca.store.timestamps import from_text, to_text


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
    """Record a status event and let it take effect; its number.

    One for key-compromise names the key: whether a key is blocked is asked of history itself.
    """
    since = None if event.invalid_since is None else to_text(event.invalid_since)
    one = (event.issuer_id, event.serial)
    values = (*one, event.status, event.reason, to_text(at), since)
    blocked = derived.key_of(store, *one) if event.reason == KEY_COMPROMISE else None
    cursor = store.connection.execute(
        """INSERT INTO status_event (issuer_id, serial, status, reason, happened_at, invalid_since,
                                     key_identity)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (*values, blocked),
    )
    assert cursor.lastrowid is not None
    derived.apply_status(store, derived.StatusRow(cursor.lastrowid, *values, blocked))
    return cursor.lastrowid


def current(store: Store, issuer_id: int, serial: bytes) -> CurrentStatus | None:
    """What a serial is now, or None if it is neither revoked nor held: from history itself.

    Raises:
        StoreError: history says neither, and the table that is made from it something else.
    """
    rows = store.connection.execute(
        """SELECT id, status, reason, happened_at, 0 FROM status_event
            WHERE issuer_id = ?1 AND serial = ?2
            UNION ALL
           SELECT event_id, status, reason, happened_at, 1 FROM status
            WHERE issuer_id = ?1 AND serial = ?2
            ORDER BY 1""",
        (issuer_id, serial),
    ).fetchall()  # of one moment: another process may revoke it meanwhile
    found = derived.folded(row[1:4] for row in rows if not row[4])
    if found is None and any(row[4] for row in rows):
        raise StoreError(
            f"'{store.path}' is damaged: the table says that {serial.hex()} is {rows[-1][1]}, and "
            "its history does not",
            hint="sipca log --verify names what is wrong; restore the last copy of the folder",
        )
    return None if found is None else CurrentStatus(found[0], found[1], from_text(found[2]))


def looked_up(store: Store, issuer_id: int, serial: bytes) -> tuple[bool, CurrentStatus | None]:
    """Whether a certificate was issued with a serial, and what the serial is now: in one look.

    Raises:
        StoreError: as ``current``.
    """
    issued, told = store.connection.execute(
        """SELECT EXISTS (SELECT 1 FROM plan p JOIN result r ON r.plan_id = p.id
                           WHERE p.issuer_id = ?1 AND p.serial = ?2),
                  EXISTS (SELECT 1 FROM status_event WHERE issuer_id = ?1 AND serial = ?2)
                  OR EXISTS (SELECT 1 FROM status WHERE issuer_id = ?1 AND serial = ?2)""",
        (issuer_id, serial),
    ).fetchone()
    return bool(issued), current(store, issuer_id, serial) if told else None


def is_blocked(store: Store, key_identity: bytes) -> bool:
    """Whether a key was ever revoked for key-compromise."""
    return bool(blocked_keys(store, [key_identity]))


def blocked_keys(store: Store, key_identities: Sequence[bytes]) -> set[bytes]:
    """Those of these keys that were ever revoked for key-compromise.

    Asked of history; the events of a register older than schema 6 name no key, so that its table
    is asked, too.
    """
    asked = marks(key_identities)
    rows = store.connection.execute(
        f"""SELECT key_identity FROM status_event WHERE key_identity IN ({asked})
            UNION ALL
            SELECT key_identity FROM blocked_key WHERE key_identity IN ({asked})""",  # noqa: S608
        (*key_identities, *key_identities),
    )
    return {row[0] for row in rows}


def last_event(store: Store, issuer_id: int) -> int:
    """The number of an issuer's newest status event, 0 if there is none."""
    query = "SELECT coalesce(max(id), 0) FROM status_event WHERE issuer_id = ?"
    return int(store.connection.execute(query, (issuer_id,)).fetchone()[0])
