"""Requests, plans, results, abandonments: what was to be signed, and what became of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from ca.store.connection import Store
from ca.store.moments import to_text

ABANDON_AFTER = timedelta(minutes=10)
"""A plan this old without a result was left by a crash: no signing takes so long, and one that
did would find its plan abandoned and hand nothing out."""


class NewPlan(msgspec.Struct, frozen=True):
    """A plan to be committed: the octets to sign, and what they came from."""

    issuer_id: int
    serial: bytes
    profile_sha256: bytes
    tbs: bytes
    account: bytes
    lifetime: str
    source: str
    request_id: int | None = None
    for_issuer_id: int | None = None
    device: str | None = None
    context: int | None = None


def keep_request(store: Store, der: bytes, key_identity: bytes, *, at: datetime) -> int:
    """Keep a request once, by its hash; its number."""
    hashed = sha256(der).digest()
    row = store.connection.execute("SELECT id FROM request WHERE sha256 = ?", (hashed,)).fetchone()
    if row:
        return int(row[0])
    cursor = store.connection.execute(
        "INSERT INTO request (sha256, der, key_identity, received_at) VALUES (?, ?, ?, ?)",
        (hashed, der, key_identity, to_text(at)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def keep_profile(store: Store, name: str, text: str) -> bytes:
    """Keep a profile's text once, by its hash."""
    hashed = sha256(text.encode()).digest()
    query = "SELECT 1 FROM profile_text WHERE sha256 = ?"
    if not store.connection.execute(query, (hashed,)).fetchone():
        store.connection.execute(
            "INSERT INTO profile_text (sha256, name, text) VALUES (?, ?, ?)", (hashed, name, text)
        )
    return hashed


def add_plan(store: Store, plan: NewPlan, *, at: datetime) -> int:
    """Write a plan down; its number. The register refuses a serial that the issuer has used."""
    cursor = store.connection.execute(
        """INSERT INTO plan (issuer_id, serial, request_id, profile_sha256, for_issuer_id, device,
                             context, lifetime, source, tbs, account, planned_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            plan.issuer_id,
            plan.serial,
            plan.request_id,
            plan.profile_sha256,
            plan.for_issuer_id,
            plan.device,
            plan.context,
            plan.lifetime,
            plan.source,
            plan.tbs,
            plan.account,
            to_text(at),
        ),
    )
    assert cursor.lastrowid is not None
    store.connection.execute("INSERT INTO open_plan (plan_id) VALUES (?)", (cursor.lastrowid,))
    return cursor.lastrowid


def add_result(store: Store, plan_id: int, signature: bytes, *, at: datetime) -> None:
    """Record the one result of a plan."""
    store.connection.execute(
        "INSERT INTO result (plan_id, signature, signed_at) VALUES (?, ?, ?)",
        (plan_id, signature, to_text(at)),
    )
    _close(store, plan_id)


def is_abandoned(store: Store, plan_id: int) -> bool:
    """Whether somebody took this plan for one left by a crash."""
    query = "SELECT 1 FROM abandonment WHERE plan_id = ?"
    return store.connection.execute(query, (plan_id,)).fetchone() is not None


def open_plans(store: Store, *, before: datetime | None = None) -> list[tuple[int, bytes]]:
    """Number and serial of plans with neither result nor abandonment, planned before a moment.

    CROSS JOIN: the few open plans are looked up in the many, never the other way round.
    """
    rows = store.connection.execute(
        """SELECT p.id, p.serial FROM open_plan o CROSS JOIN plan p ON p.id = o.plan_id
            WHERE ? IS NULL OR p.planned_at < ?""",
        (None, None) if before is None else (to_text(before), to_text(before)),
    )
    return [(row[0], row[1]) for row in rows]


def abandon(store: Store, plan_id: int, reason: str, *, at: datetime) -> None:
    """Give a plan up for good; its serial stays used."""
    store.connection.execute(
        "INSERT INTO abandonment (plan_id, reason, abandoned_at) VALUES (?, ?, ?)",
        (plan_id, reason, to_text(at)),
    )
    _close(store, plan_id)


def _close(store: Store, plan_id: int) -> None:
    store.connection.execute("DELETE FROM open_plan WHERE plan_id = ?", (plan_id,))


def supersede(store: Store, old_plan_id: int, new_plan_id: int, *, at: datetime) -> None:
    """One certificate takes another's place; the old one stays valid until it is revoked."""
    store.connection.execute(
        "INSERT INTO supersession (old_plan_id, new_plan_id, superseded_at) VALUES (?, ?, ?)",
        (old_plan_id, new_plan_id, to_text(at)),
    )


def request_hash(store: Store, request_id: int | None) -> bytes | None:
    """The SHA-256 of a request's octets, or None where there was none."""
    query = "SELECT sha256 FROM request WHERE id = ?"
    row = store.connection.execute(query, (request_id,)).fetchone()
    return None if row is None else row[0]
