"""Current certificates that were issued before the home had its base URL."""

from __future__ import annotations

from datetime import datetime

from ca.store.connection import Store


def count_without_address(store: Store, base_url: str, now: datetime) -> int:
    """How many current end-entity certificates name no CRL below the base URL of today.

    Only those planned before it was last set are read: none is, where ``init`` was given the URL.
    """
    row = store.connection.execute(
        """SELECT max(id) FROM audit
            WHERE state IS NOT NULL AND action = 'set' AND subject = 'base_url'"""
    ).fetchone()
    if row[0] is None:
        return 0
    return int(
        store.connection.execute(
            """SELECT count(*) FROM certificate c CROSS JOIN plan p ON p.id = c.plan_id
                WHERE c.not_after >= ? AND p.for_issuer_id IS NULL
                  AND p.planned_at <= (SELECT at FROM audit WHERE id = ?)
                  AND p.id NOT IN (SELECT plan_id FROM ocsp_signer)
                  AND NOT EXISTS (SELECT 1 FROM supersession x WHERE x.old_plan_id = p.id)
                  AND NOT EXISTS (SELECT 1 FROM status s
                                   WHERE s.issuer_id = p.issuer_id AND s.serial = p.serial)
                  AND instr(p.tbs, ?) = 0""",
            (now.timestamp(), row[0], f"{base_url}/crl/".encode()),
        ).fetchone()[0]
    )
