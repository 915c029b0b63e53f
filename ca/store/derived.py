"""Derived tables: certificate index, SANs, current status. Rebuilt from history at any time."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ca.encoding.der import certificate
from ca.store.connection import Store
from ca.store.schema import recreate_derived


class Index(msgspec.Struct, frozen=True):
    """What of a certificate is looked for: seconds since 1970, key identity, folded names.

    ``names`` pairs a kind ("cn", "dns", "ip", "uri", "email") with the folded text.
    """

    not_before: int
    not_after: int
    key_identity: bytes
    names: tuple[tuple[str, str], ...]


def index(store: Store, plan_id: int, found: Index) -> None:
    """Enter one certificate into the index."""
    store.connection.execute(
        """INSERT INTO certificate (plan_id, not_before, not_after, key_identity)
           VALUES (?, ?, ?, ?)""",
        (plan_id, found.not_before, found.not_after, found.key_identity),
    )
    store.connection.executemany(
        "INSERT OR IGNORE INTO san (folded, plan_id, kind) VALUES (?, ?, ?)",
        [(folded, plan_id, kind) for kind, folded in found.names],
    )


def rebuild(store: Store, index_of: Callable[[bytes], Index]) -> int:
    """Make the derived tables anew from history, in one write transaction; certificates indexed."""
    with store.write() as connection:
        recreate_derived(store)
        rows = connection.execute(
            "SELECT p.id, p.tbs, r.signature FROM result r JOIN plan p ON p.id = r.plan_id"
        ).fetchall()
        for plan_id, tbs, signature in rows:
            index(store, plan_id, index_of(certificate(tbs, signature)))
        for event in connection.execute(
            "SELECT issuer_id, serial, status, reason, happened_at FROM status_event ORDER BY id"
        ).fetchall():
            apply_status(store, *event)
    return len(rows)


def apply_status(
    store: Store, issuer_id: int, serial: bytes, status: str, reason: str, happened_at: str
) -> None:
    """Let one status event take effect on the current status."""
    store.connection.execute(
        "DELETE FROM status WHERE issuer_id = ? AND serial = ?", (issuer_id, serial)
    )
    if status != "released":
        store.connection.execute(
            """INSERT INTO status (issuer_id, serial, status, reason, happened_at)
               VALUES (?, ?, ?, ?, ?)""",
            (issuer_id, serial, status, reason, happened_at),
        )
