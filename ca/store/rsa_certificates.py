"""Certificates with RSA keys, for examining all their moduli together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ca.encoding.der import encode_oid
from ca.encoding.oids import RSA
from ca.store.connection import Store

_RSA_ENCRYPTION = encode_oid(RSA)
"""The OID rsaEncryption; among TBSCertificates only those with an RSA key contain it."""


def rsa_certificates(
    store: Store, now: datetime, *, limit: int
) -> Iterator[tuple[bytes, bytes, bool]]:
    """Serial and TBSCertificate of the newest certificates with RSA keys, and whether each is good.

    Good: neither expired nor revoked nor held.
    """
    rows = store.connection.execute(
        """SELECT p.serial, p.tbs,
                  c.not_after >= ? AND NOT EXISTS (
                      SELECT 1 FROM status s
                       WHERE s.issuer_id = p.issuer_id AND s.serial = p.serial)
             FROM plan p JOIN certificate c ON c.plan_id = p.id
            WHERE instr(p.tbs, ?) > 0
            ORDER BY p.id DESC LIMIT ?""",
        (now.timestamp(), _RSA_ENCRYPTION, limit),
    )
    for serial, tbs, good in rows:
        yield serial, tbs, bool(good)
