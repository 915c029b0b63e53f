"""Relics: imported certificates that the register cannot hold as plan and result."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.store.connection import Store
from ca.store.timestamps import to_text


class NewRelic(msgspec.Struct, frozen=True):
    """A relic to record.

    ``signature`` is None where only the entry of an index is known; ``der`` is None where
    TBSCertificate and signature give the certificate back. ``names`` are case-folded.
    """

    issuer_id: int
    serial: bytes
    tbs: bytes
    signature: bytes | None
    der: bytes | None
    not_before: int
    not_after: int
    names: tuple[str, ...]
    source: str


def add_relic(store: Store, relic: NewRelic, *, at: datetime) -> int:
    """Record a relic; returns its number."""
    cursor = store.connection.execute(
        """INSERT INTO relic (issuer_id, serial, tbs, signature, der, not_before, not_after, names,
                              source, imported_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            relic.issuer_id,
            relic.serial,
            relic.tbs,
            relic.signature,
            relic.der,
            relic.not_before,
            relic.not_after,
            "".join(f"\n{name}" for name in relic.names) + "\n",
            relic.source,
            to_text(at),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def used_serials(store: Store) -> set[tuple[int, bytes]]:
    """Issuer and serial of every plan, and of every relic that is a certificate."""
    rows = store.connection.execute(
        """SELECT issuer_id, serial FROM plan UNION
           SELECT issuer_id, serial FROM relic WHERE signature IS NOT NULL"""
    )
    return set(rows.fetchall())


def entry_serials(store: Store) -> set[tuple[int, bytes]]:
    """Issuer and serial of every relic of which only an index entry is known."""
    query = "SELECT issuer_id, serial FROM relic WHERE signature IS NULL"
    return set(store.connection.execute(query).fetchall())
