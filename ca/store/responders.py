"""Delegated OCSP signers: their plans, and their keys, which have no passphrase."""

from __future__ import annotations

import msgspec

from ca.encoding.der import certificate
from ca.store.connection import Store
from ca.store.standing import note


class SignerRow(msgspec.Struct, frozen=True):
    """The OCSP signer in force for an issuer."""

    plan_id: int
    issuer_id: int
    der: bytes
    public: bytes
    pkcs8: bytes


def add(store: Store, *, plan_id: int, issuer_id: int, key_id: int) -> None:
    """Enter a planned signer with its key; it is in force once its plan has a result."""
    note(store, "ocsp_signer", plan_id)
    store.connection.execute(
        "INSERT INTO ocsp_signer (plan_id, issuer_id, key_id) VALUES (?, ?, ?)",
        (plan_id, issuer_id, key_id),
    )


def in_force(store: Store, issuer_id: int) -> SignerRow | None:
    """The newest signer of an issuer that has its certificate, or None."""
    row = store.connection.execute(
        """SELECT o.plan_id, o.issuer_id, p.tbs, r.signature, k.public, k.pkcs8
             FROM ocsp_signer o
             JOIN plan p ON p.id = o.plan_id
             JOIN result r ON r.plan_id = o.plan_id
             JOIN key k ON k.id = o.key_id
            WHERE o.issuer_id = ? ORDER BY o.plan_id DESC LIMIT 1""",
        (issuer_id,),
    ).fetchone()
    if row is None:
        return None
    plan_id, issuer_id, tbs, signature, public, pkcs8 = row
    return SignerRow(plan_id, issuer_id, certificate(tbs, signature), public, pkcs8)


def forget_keys_before(store: Store, issuer_id: int, plan_id: int) -> None:
    """Delete the keys of an issuer's older signers; what they signed stays as it is."""
    keys = store.connection.execute(
        """SELECT key_id FROM ocsp_signer
            WHERE issuer_id = ? AND plan_id < ? AND key_id IS NOT NULL""",
        (issuer_id, plan_id),
    ).fetchall()
    for (key,) in keys:
        forget_key(store, key)


def forget_key(store: Store, key_id: int) -> None:
    """Delete the key of a signer; what it signed stays as it is."""
    signers = store.connection.execute(
        "SELECT plan_id FROM ocsp_signer WHERE key_id = ?", (key_id,)
    ).fetchall()
    for (plan_id,) in signers:
        store.connection.execute(
            "UPDATE ocsp_signer SET key_id = NULL WHERE plan_id = ?", (plan_id,)
        )
        note(store, "ocsp_signer", plan_id)
    store.connection.execute("DELETE FROM key WHERE id = ?", (key_id,))
    note(store, "key", key_id)
