"""Certificates of keys that were revoked for key-compromise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ca.store.certificates import CertificateRow, select
from ca.store.connection import Store


def live_certificates(store: Store, now: datetime) -> Iterator[CertificateRow]:
    """Those of end entities that have neither expired nor been revoked, superseded ones too."""
    return select(
        store,
        """WHERE p.for_issuer_id IS NULL AND p.id NOT IN (SELECT plan_id FROM ocsp_signer)
             AND r.plan_id IS NOT NULL AND (s.id IS NULL OR s.status = 'held')
             AND p.id IN (SELECT k.plan_id FROM blocked_key b CROSS JOIN certificate k
                           WHERE substr(k.key_identity, 1, 8) = substr(b.key_identity, 1, 8)
                             AND k.key_identity = b.key_identity AND k.not_after >= ?)
           ORDER BY p.id""",
        [int(now.timestamp())],
    )
