"""Derived tables: certificate index, SANs, current status. History suffices to rebuild them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from ca.encoding.crl import entry
from ca.encoding.der import certificate
from ca.encoding.extensions import end_of
from ca.model.status import KEY_COMPROMISE
from ca.store.connection import Store
from ca.store.schema import FILL_OPEN_PLANS, recreate_derived
from ca.store.timestamps import from_text


class IndexEntry(msgspec.Struct, frozen=True):
    """What can be searched in a certificate: validity, key and names.

    ``not_before``, ``not_after``: seconds since 1970. ``names``: pairs of a kind ("cn", "dns",
    "ip", "uri", "email") and the case-folded text.
    """

    not_before: int
    not_after: int
    key_identity: bytes
    names: tuple[tuple[str, str], ...]


def add_to_index(store: Store, entries: Iterable[tuple[int, IndexEntry]]) -> None:
    """Add certificates to the index, each with the number of its plan."""
    entries = list(entries)
    store.connection.executemany(
        """INSERT INTO certificate (plan_id, not_before, not_after, key_identity)
           VALUES (?, ?, ?, ?)""",
        [(number, each.not_before, each.not_after, each.key_identity) for number, each in entries],
    )
    store.connection.executemany(
        "INSERT OR IGNORE INTO san (folded, plan_id, kind) VALUES (?, ?, ?)",
        [(folded, number, kind) for number, each in entries for kind, folded in each.names],
    )


def rebuild(store: Store, index_of: Callable[[bytes], IndexEntry]) -> int:
    """Rebuild the derived tables from history; returns the number of certificates indexed.

    Needs a write transaction.
    """
    connection = store.connection
    recreate_derived(store)
    connection.execute(FILL_OPEN_PLANS)
    rows = connection.execute(
        "SELECT p.id, p.tbs, r.signature FROM result r JOIN plan p ON p.id = r.plan_id"
    )
    count = 0
    while chunk := rows.fetchmany(256):
        add_to_index(
            store,
            ((number, index_of(certificate(tbs, signature))) for number, tbs, signature in chunk),
        )
        count += len(chunk)
    for values in connection.execute(
        """SELECT id, issuer_id, serial, status, reason, happened_at, invalid_since,
                  key_identity
             FROM status_event ORDER BY id"""
    ).fetchall():
        apply_status(store, StatusRow(*values))
    return count


class StatusRow(msgspec.Struct, frozen=True):
    """One row of ``status_event``; times as the register writes them.

    ``key_identity``: the key that the event blocks; None without one, or before schema 6.
    """

    id: int
    issuer_id: int
    serial: bytes
    status: str
    reason: str
    happened_at: str
    invalid_since: str | None
    key_identity: bytes | None


def resulting_status(events: Iterable[tuple[str, str, str]]) -> tuple[str, str, str] | None:
    """The status, reason and start after a serial's events, each (status, reason, happened at).

    None after a release. A hold that becomes a revocation, or a revocation whose reason changes,
    keeps the date from which peers refused the certificate.
    """
    current: tuple[str, str, str] | None = None
    for status, reason, happened_at in events:
        since = happened_at if current is None else current[2]
        current = None if status == "released" else (status, reason, since)
    return current


def apply_status(store: Store, event: StatusRow) -> None:
    """Apply one status event: update the current status, the CRL entry and the blocked keys."""
    one = (event.issuer_id, event.serial)
    store.connection.execute("DELETE FROM status WHERE issuer_id = ? AND serial = ?", one)
    if event.status == "released":
        return
    events = store.connection.execute(
        """SELECT status, reason, happened_at FROM status_event
            WHERE issuer_id = ? AND serial = ? AND id <= ? ORDER BY id""",
        (*one, event.id),
    )
    current = resulting_status(events)
    assert current is not None
    store.connection.execute(
        """INSERT INTO status (issuer_id, serial, status, reason, happened_at, event_id,
                               not_after, crl_entry)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (*one, *current, event.id, _not_after(store, *one), crl_entry(event, current[2])),
    )
    if event.reason == KEY_COMPROMISE:
        key = event.key_identity or key_identity_of(store, *one)
        if key is not None:
            store.connection.execute(
                "INSERT OR IGNORE INTO blocked_key (key_identity, event_id) VALUES (?, ?)",
                (key, event.id),
            )


def crl_entry(event: StatusRow, since: str) -> bytes:
    """The CRL entry of a serial, from its last event and the start of its status."""
    invalid = None if event.invalid_since is None else from_text(event.invalid_since)
    return entry(event.serial, from_text(since), event.reason, invalid)


def _not_after(store: Store, issuer_id: int, serial: bytes) -> int | None:
    query = "SELECT tbs FROM plan WHERE issuer_id = ? AND serial = ?"
    row = store.connection.execute(query, (issuer_id, serial)).fetchone()
    return None if row is None else end_of(row[0])


def key_identity_of(store: Store, issuer_id: int, serial: bytes) -> bytes | None:
    """The identity of a certificate's key; of its request's key if it was only planned."""
    row = store.connection.execute(
        """SELECT coalesce(c.key_identity, q.key_identity)
             FROM plan p
             LEFT JOIN certificate c ON c.plan_id = p.id
             LEFT JOIN request q ON q.id = p.request_id
            WHERE p.issuer_id = ? AND p.serial = ?""",
        (issuer_id, serial),
    ).fetchone()
    return None if row is None else row[0]
