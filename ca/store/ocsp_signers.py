"""Keys that work for a CA and have no passphrase: OCSP signers, and RA certificates for SCEP.

All stand in one table, each with its role; whatever lists certificates of devices leaves it out.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ca.encoding.der import certificate, split
from ca.encoding.extensions import read_validity
from ca.store.connection import Store
from ca.store.state_hashes import note_change

OCSP, RA = "ocsp-responder", "scep-ra"
"""The roles: who signs OCSP answers for a CA, who receives SCEP requests for it."""
SUCCESSOR_PROVEN_AFTER = timedelta(days=7)
"""How long a signer has to be in force before the keys of its expired predecessors go."""


class SignerRow(msgspec.Struct, frozen=True):
    """A signer with its certificate and its key."""

    plan_id: int
    issuer_id: int
    key_id: int
    der: bytes
    public: bytes
    pkcs8: bytes
    not_before: datetime
    not_after: datetime

    def is_in_force(self, at: datetime) -> bool:
        """Whether a time is within the certificate's validity period (RFC 5280, 4.1.2.5)."""
        return self.not_before <= at <= self.not_after


def add(store: Store, *, plan_id: int, issuer_id: int, key_id: int, role: str = OCSP) -> None:
    """Add a planned signer with its key; it can be used once its plan has a result."""
    note_change(store, "ocsp_signer", plan_id)
    store.connection.execute(
        "INSERT INTO ocsp_signer (plan_id, issuer_id, key_id, role) VALUES (?, ?, ?, ?)",
        (plan_id, issuer_id, key_id, role),
    )


def signers(store: Store, issuer_id: int, role: str = OCSP) -> list[SignerRow]:
    """The signers of an issuer that have a certificate and a key, newest first; a handful."""
    rows = store.connection.execute(
        """SELECT o.plan_id, o.issuer_id, o.key_id, p.tbs, r.signature, k.public, k.pkcs8
             FROM ocsp_signer o
             JOIN plan p ON p.id = o.plan_id
             JOIN result r ON r.plan_id = o.plan_id
             JOIN key k ON k.id = o.key_id
            WHERE o.issuer_id = ? AND o.role = ? ORDER BY o.plan_id DESC""",
        (issuer_id, role),
    )
    result = []
    for plan_id, issuer, key_id, tbs, signature, public, pkcs8 in rows:
        (_, not_before), (_, not_after) = read_validity(split(tbs)[4])
        der = certificate(tbs, signature)
        result.append(SignerRow(plan_id, issuer, key_id, der, public, pkcs8, not_before, not_after))
    return result


def in_force(store: Store, issuer_id: int, at: datetime, role: str = OCSP) -> SignerRow | None:
    """The newest signer of an issuer that is within its validity period, or None."""
    return next((row for row in signers(store, issuer_id, role) if row.is_in_force(at)), None)


def has_any(store: Store, role: str) -> bool:
    """Whether a signer of a role was ever made here."""
    row = store.connection.execute(
        "SELECT EXISTS (SELECT 1 FROM ocsp_signer WHERE role = ?)", (role,)
    ).fetchone()
    return bool(row[0])


def obsolete(store: Store, issuer_id: int, at: datetime, role: str = OCSP) -> list[SignerRow]:
    """Signers whose keys can be deleted: expired, with a successor long in force.

    Long is ``SUCCESSOR_PROVEN_AFTER``: a clock that is ahead for a moment must not cost a key.
    """
    rows = signers(store, issuer_id, role)
    proven = [
        row for row in rows if row.is_in_force(at) and at - row.not_before >= SUCCESSOR_PROVEN_AFTER
    ]
    if not proven:
        return []
    return [row for row in rows if row.not_after < at and row.plan_id < proven[0].plan_id]


def delete_key(store: Store, key_id: int) -> None:
    """Delete the key of a signer; its certificate and its answers stay valid."""
    signers = store.connection.execute(
        "SELECT plan_id FROM ocsp_signer WHERE key_id = ?", (key_id,)
    ).fetchall()
    for (plan_id,) in signers:
        store.connection.execute(
            "UPDATE ocsp_signer SET key_id = NULL WHERE plan_id = ?", (plan_id,)
        )
        note_change(store, "ocsp_signer", plan_id)
    store.connection.execute("DELETE FROM key WHERE id = ?", (key_id,))
    note_change(store, "key", key_id)
