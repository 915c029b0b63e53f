"""Derived tables: certificate index, SANs, current status. Rebuilt from history at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from ca.encoding.crl import entry
from ca.encoding.der import certificate
from ca.store.connection import Store
from ca.store.moments import from_text
from ca.store.schema import FILL_OPEN_PLANS, recreate_derived


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
    """Make the derived tables anew from history, in one write transaction; certificates indexed."""
    with store.write() as connection:
        recreate_derived(store)
        connection.execute(FILL_OPEN_PLANS)
        rows = connection.execute(
            "SELECT p.id, p.tbs, r.signature FROM result r JOIN plan p ON p.id = r.plan_id"
        ).fetchall()
        index(
            store,
            ((number, index_of(certificate(tbs, signature))) for number, tbs, signature in rows),
        )
        for values in connection.execute(
            """SELECT id, issuer_id, serial, status, reason, happened_at, invalid_since
                 FROM status_event ORDER BY id"""
        ).fetchall():
            apply_status(store, StatusRow(*values))
    return len(rows)


class StatusRow(msgspec.Struct, frozen=True):
    """One row of ``status_event``; moments as the register writes them."""

    id: int
    issuer_id: int
    serial: bytes
    status: str
    reason: str
    happened_at: str
    invalid_since: str | None


def apply_status(store: Store, event: StatusRow) -> None:
    """Let one status event take effect: current status, CRL entry, block list.

    A hold made final and a reason made graver keep the date from which peers refused it.
    """
    one = (event.issuer_id, event.serial)
    before = store.connection.execute(
        "SELECT happened_at FROM status WHERE issuer_id = ? AND serial = ?", one
    ).fetchone()
    store.connection.execute("DELETE FROM status WHERE issuer_id = ? AND serial = ?", one)
    if event.status == "released":
        return
    since = before[0] if before else event.happened_at
    invalid = None if event.invalid_since is None else from_text(event.invalid_since)
    encoded = entry(event.serial, from_text(since), event.reason, invalid)
    store.connection.execute(
        """INSERT INTO status (issuer_id, serial, status, reason, happened_at, event_id,
                               not_after, crl_entry)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6,
                   (SELECT c.not_after FROM plan p JOIN certificate c ON c.plan_id = p.id
                     WHERE p.issuer_id = ?1 AND p.serial = ?2), ?7)""",
        (*one, event.status, event.reason, since, event.id, encoded),
    )
    if event.reason == "key-compromise":
        _block_key(store, event)


def _block_key(store: Store, event: StatusRow) -> None:
    """The key of a certificate, or of a request that was only planned, is blocked for good."""
    store.connection.execute(
        """INSERT OR IGNORE INTO blocked_key (key_identity, event_id)
           SELECT coalesce(c.key_identity, q.key_identity), ?1
             FROM plan p
             LEFT JOIN certificate c ON c.plan_id = p.id
             LEFT JOIN request q ON q.id = p.request_id
            WHERE p.issuer_id = ?2 AND p.serial = ?3
              AND coalesce(c.key_identity, q.key_identity) IS NOT NULL""",
        (event.id, event.issuer_id, event.serial),
    )
