"""RSA keys of the register's certificates, for looking at all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ca.encoding.der import encode_oid
from ca.encoding.oids import RSA
from ca.store.connection import Store

_RSA = encode_oid(RSA)
"""The OID rsaEncryption, which stands in the SubjectPublicKeyInfo of an RSA key alone."""


def rsa_certificates(
    store: Store, now: datetime, *, most: int
) -> Iterator[tuple[bytes, bytes, bool]]:
    """Serial and TBSCertificate of the newest with an RSA key, and whether it is good today."""
    rows = store.connection.execute(
        """SELECT p.serial, p.tbs,
                  c.not_after >= ? AND NOT EXISTS (
                      SELECT 1 FROM status s
                       WHERE s.issuer_id = p.issuer_id AND s.serial = p.serial)
             FROM plan p JOIN certificate c ON c.plan_id = p.id
            WHERE instr(p.tbs, ?) > 0
            ORDER BY p.id DESC LIMIT ?""",
        (now.timestamp(), _RSA, most),
    )
    for serial, tbs, good in rows:
        yield serial, tbs, bool(good)
