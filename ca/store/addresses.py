"""Current certificates that were issued before the home had a base URL."""

from __future__ import annotations

from datetime import datetime

from ca.encoding.der import encode_oid
from ca.encoding.oids import CRL_DISTRIBUTION_POINTS
from ca.store.connection import Store

_CDP = encode_oid(CRL_DISTRIBUTION_POINTS)
"""Among TBSCertificates only those with a CDP hold these octets."""


def count_without_addresses(store: Store, now: datetime) -> int:
    """How many current end-entity certificates have no CDP, although a base URL was set later.

    Only those planned before it was last set are read: no certificate is, where ``init`` was given
    the URL.
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
            (now.timestamp(), row[0], _CDP),
        ).fetchone()[0]
    )
