"""Certificates with RSA keys, for examining all their moduli together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256

from ca.encoding.der import encode_oid
from ca.encoding.oids import RSA
from ca.store.connection import Store

_RSA_ENCRYPTION = encode_oid(RSA)
"""The OID rsaEncryption; among TBSCertificates only those with an RSA key contain it."""


def rsa_certificates(
    store: Store, now: datetime, *, limit: int, after: int = 0
) -> Iterator[tuple[bytes, bytes, bool]]:
    """Serial and TBSCertificate of the newest certificates with RSA keys, and whether each is good.

    Good: neither expired nor revoked nor held. Only of plans ``after`` a number.
    """
    rows = store.connection.execute(
        """SELECT p.serial, p.tbs,
                  c.not_after >= ? AND NOT EXISTS (
                      SELECT 1 FROM status s
                       WHERE s.issuer_id = p.issuer_id AND s.serial = p.serial)
             FROM plan p JOIN certificate c ON c.plan_id = p.id
            WHERE p.id > ? AND instr(p.tbs, ?) > 0
            ORDER BY p.id DESC LIMIT ?""",
        (now.timestamp(), after, _RSA_ENCRYPTION, limit),
    )
    for serial, tbs, good in rows:
        yield serial, tbs, bool(good)


def settled(store: Store) -> tuple[int, bytes]:
    """The last plan up to which none is open any more, and the hash of its octets.

    Later calls find no other certificate among those plans. (0, b"") if there is none.
    """
    row = store.connection.execute(
        """SELECT id, tbs FROM plan
            WHERE id < coalesce((SELECT min(plan_id) FROM open_plan), 9223372036854775807)
            ORDER BY id DESC LIMIT 1"""
    ).fetchone()
    return (0, b"") if row is None else (row[0], sha256(row[1]).digest())


def is_settled(store: Store, number: int, hashed: bytes) -> bool:
    """Whether the plan of a number is still the one of this hash: not of another register."""
    row = store.connection.execute("SELECT tbs FROM plan WHERE id = ?", (number,)).fetchone()
    return row is not None and sha256(row[0]).digest() == hashed


def certified_before(store: Store, key_identity: bytes, number: int) -> bool:
    """Whether a plan up to this number certified a key."""
    query = """SELECT EXISTS (SELECT 1 FROM certificate
                WHERE substr(key_identity, 1, 8) = substr(?1, 1, 8) AND key_identity = ?1
                  AND plan_id <= ?2)"""
    return bool(store.connection.execute(query, (key_identity, number)).fetchone()[0])
