"""Derived tables: certificate index, SANs, current status. Rebuilt from history at any time."""

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


class Index(msgspec.Struct, frozen=True):
    """What of a certificate is looked for: seconds since 1970, key identity, folded names.

    ``names`` pairs a kind ("cn", "dns", "ip", "uri", "email") with the folded text.
    """

    not_before: int
    not_after: int
    key_identity: bytes
    names: tuple[tuple[str, str], ...]


def index(store: Store, found: Iterable[tuple[int, Index]]) -> None:
    """Enter certificates into the index, by the numbers of their plans."""
    found = list(found)
    store.connection.executemany(
        """INSERT INTO certificate (plan_id, not_before, not_after, key_identity)
           VALUES (?, ?, ?, ?)""",
        [(number, each.not_before, each.not_after, each.key_identity) for number, each in found],
    )
    store.connection.executemany(
        "INSERT OR IGNORE INTO san (folded, plan_id, kind) VALUES (?, ?, ?)",
        [(folded, number, kind) for number, each in found for kind, folded in each.names],
    )


def rebuild(store: Store, index_of: Callable[[bytes], Index]) -> int:
    """Make the derived tables anew from history, in a write transaction; certificates indexed."""
    connection = store.connection
    recreate_derived(store)
    connection.execute(FILL_OPEN_PLANS)
    rows = connection.execute(
        "SELECT p.id, p.tbs, r.signature FROM result r JOIN plan p ON p.id = r.plan_id"
    )
    count = 0
    while some := rows.fetchmany(256):
        made = ((number, index_of(certificate(tbs, signature))) for number, tbs, signature in some)
        index(store, made)
        count += len(some)
    for values in connection.execute(
        """SELECT id, issuer_id, serial, status, reason, happened_at, invalid_since,
                  key_identity
             FROM status_event ORDER BY id"""
    ).fetchall():
        apply_status(store, StatusRow(*values))
    return count


class StatusRow(msgspec.Struct, frozen=True):
    """One row of ``status_event``; moments as the register writes them.

    ``key_identity``: of the key that it blocks, unless the event is older than schema 6.
    """

    id: int
    issuer_id: int
    serial: bytes
    status: str
    reason: str
    happened_at: str
    invalid_since: str | None
    key_identity: bytes | None


def folded(events: Iterable[tuple[str, str, str]]) -> tuple[str, str, str] | None:
    """Status, reason and since when, after events of one serial (each of the three) in order.

    A hold made final and a reason made graver keep the date from which peers refused it.
    """
    now: tuple[str, str, str] | None = None
    for status, reason, happened_at in events:
        since = happened_at if now is None else now[2]
        now = None if status == "released" else (status, reason, since)
    return now


def apply_status(store: Store, event: StatusRow) -> None:
    """Let one status event take effect: current status, CRL entry, block list."""
    one = (event.issuer_id, event.serial)
    store.connection.execute("DELETE FROM status WHERE issuer_id = ? AND serial = ?", one)
    if event.status == "released":
        return
    events = store.connection.execute(
        """SELECT status, reason, happened_at FROM status_event
            WHERE issuer_id = ? AND serial = ? AND id <= ? ORDER BY id""",
        (*one, event.id),
    )
    now = folded(events)
    assert now is not None
    store.connection.execute(
        """INSERT INTO status (issuer_id, serial, status, reason, happened_at, event_id,
                               not_after, crl_entry)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (*one, *now, event.id, _end_of(store, *one), crl_entry(event, now[2])),
    )
    if event.reason == KEY_COMPROMISE:
        key = event.key_identity or key_of(store, *one)
        if key is not None:
            store.connection.execute(
                "INSERT OR IGNORE INTO blocked_key (key_identity, event_id) VALUES (?, ?)",
                (key, event.id),
            )


def crl_entry(event: StatusRow, since: str) -> bytes:
    """The entry that CRLs hold of a serial after its last event."""
    invalid = None if event.invalid_since is None else from_text(event.invalid_since)
    return entry(event.serial, from_text(since), event.reason, invalid)


def _end_of(store: Store, issuer_id: int, serial: bytes) -> int | None:
    query = "SELECT tbs FROM plan WHERE issuer_id = ? AND serial = ?"
    row = store.connection.execute(query, (issuer_id, serial)).fetchone()
    return None if row is None else end_of(row[0])


def key_of(store: Store, issuer_id: int, serial: bytes) -> bytes | None:
    """The identity of a certificate's key, or of that of a request that was only planned."""
    row = store.connection.execute(
        """SELECT coalesce(c.key_identity, q.key_identity)
             FROM plan p
             LEFT JOIN certificate c ON c.plan_id = p.id
             LEFT JOIN request q ON q.id = p.request_id
            WHERE p.issuer_id = ? AND p.serial = ?""",
        (issuer_id, serial),
    ).fetchone()
    return None if row is None else row[0]
