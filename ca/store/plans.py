"""Requests, plans, results and abandonments: what was to be signed, and how that ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from ca.store.connection import Store, placeholders
from ca.store.timestamps import to_text

ABANDON_AFTER = timedelta(minutes=10)
"""A plan this old without a result was left by a crash: no signing takes as long, and one that did
would find its plan abandoned and hand out nothing."""


class NewPlan(msgspec.Struct, frozen=True):
    """A plan to commit: the octets to sign, and their origin."""

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


class NewRequest(msgspec.Struct, frozen=True):
    """A request to store: its octets and the identity of its key."""

    der: bytes
    key_identity: bytes


def keep_requests(
    store: Store, requests: Sequence[NewRequest], *, at: datetime
) -> dict[bytes, int]:
    """Store each request once, by its hash; returns the numbers by the requests' octets."""
    by_hash = {sha256(each.der).digest(): each for each in requests}
    numbers = _request_numbers(store, list(by_hash))
    new = [hashed for hashed in by_hash if hashed not in numbers]
    first = _next_number(store, "request")
    numbers |= {hashed: first + place for place, hashed in enumerate(new)}
    moment = to_text(at)
    store.connection.executemany(
        "INSERT INTO request (id, sha256, der, key_identity, received_at) VALUES (?, ?, ?, ?, ?)",
        [
            (numbers[hashed], hashed, by_hash[hashed].der, by_hash[hashed].key_identity, moment)
            for hashed in new
        ],
    )
    return {each.der: numbers[hashed] for hashed, each in by_hash.items()}


def _request_numbers(store: Store, hashes: Sequence[bytes]) -> dict[bytes, int]:
    query = f"SELECT sha256, id FROM request WHERE sha256 IN ({placeholders(hashes)})"  # noqa: S608 - marks
    return dict(store.connection.execute(query, hashes).fetchall())


def _next_number(store: Store, table: str) -> int:
    """The number of the next row; inside a write transaction nobody else can take it."""
    query = f"SELECT coalesce(max(id), 0) + 1 FROM {table}"  # noqa: S608 - our own constants
    return int(store.connection.execute(query).fetchone()[0])


def keep_profile(store: Store, name: str, text: str) -> bytes:
    """Store a profile's text once; returns its hash."""
    hashed = sha256(text.encode()).digest()
    query = "SELECT 1 FROM profile_text WHERE sha256 = ?"
    if not store.connection.execute(query, (hashed,)).fetchone():
        store.connection.execute(
            "INSERT INTO profile_text (sha256, name, text) VALUES (?, ?, ?)", (hashed, name, text)
        )
    return hashed


def add_plans(store: Store, plans: Sequence[NewPlan], *, at: datetime) -> range:
    """Store plans; returns their numbers. The register refuses a serial its issuer has used."""
    first = _next_number(store, "plan")
    numbers = range(first, first + len(plans))
    moment = to_text(at)
    store.connection.executemany(
        """INSERT INTO plan (id, issuer_id, serial, request_id, profile_sha256, for_issuer_id,
                             device, context, lifetime, source, tbs, account, planned_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (
                number,
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
                moment,
            )
            for number, plan in zip(numbers, plans, strict=True)
        ],
    )
    store.connection.executemany(
        "INSERT INTO open_plan (plan_id) VALUES (?)", [(number,) for number in numbers]
    )
    return numbers


def add_results(
    store: Store, numbers: Sequence[int], signatures: Sequence[bytes], *, at: datetime
) -> None:
    """Store the one result of each plan."""
    moment = to_text(at)
    store.connection.executemany(
        "INSERT INTO result (plan_id, signature, signed_at) VALUES (?, ?, ?)",
        [
            (number, signature, moment)
            for number, signature in zip(numbers, signatures, strict=True)
        ],
    )
    _close(store, numbers)


def any_abandoned(store: Store, numbers: Sequence[int]) -> bool:
    """Whether another process has abandoned one of these plans."""
    query = f"SELECT 1 FROM abandonment WHERE plan_id IN ({placeholders(numbers)}) LIMIT 1"  # noqa: S608
    return store.connection.execute(query, numbers).fetchone() is not None


def open_plans(store: Store, *, before: datetime | None = None) -> list[tuple[int, bytes]]:
    """Number and serial of plans with neither result nor abandonment, planned before a time.

    CROSS JOIN: SQLite has to start from the few open plans, not from all plans.
    """
    rows = store.connection.execute(
        """SELECT p.id, p.serial FROM open_plan o CROSS JOIN plan p ON p.id = o.plan_id
            WHERE ? IS NULL OR p.planned_at < ?""",
        (None, None) if before is None else (to_text(before), to_text(before)),
    )
    return [(row[0], row[1]) for row in rows]


def being_signed(store: Store, request_hashes: Sequence[bytes]) -> set[bytes]:
    """Which of these requests (by SHA-256) have an open plan: a process is signing them."""
    rows = store.connection.execute(
        f"""SELECT q.sha256 FROM request q
              CROSS JOIN plan p ON p.request_id = q.id
              CROSS JOIN open_plan o ON o.plan_id = p.id
             WHERE q.sha256 IN ({placeholders(request_hashes)})""",  # noqa: S608 - marks
        request_hashes,
    )
    return {row[0] for row in rows}


def abandon(store: Store, plan_id: int, reason: str, *, at: datetime) -> None:
    """Abandon a plan for good; its serial stays used."""
    store.connection.execute(
        "INSERT INTO abandonment (plan_id, reason, abandoned_at) VALUES (?, ?, ?)",
        (plan_id, reason, to_text(at)),
    )
    _close(store, [plan_id])


def _close(store: Store, numbers: Sequence[int]) -> None:
    query = f"DELETE FROM open_plan WHERE plan_id IN ({placeholders(numbers)})"  # noqa: S608 - marks
    store.connection.execute(query, numbers)


def request_der(store: Store, request_id: int | None) -> bytes | None:
    """A request's octets, or None without a request."""
    row = store.connection.execute("SELECT der FROM request WHERE id = ?", (request_id,)).fetchone()
    return None if row is None else row[0]


def request_hash(store: Store, request_id: int | None) -> bytes | None:
    """The SHA-256 of a request's octets, or None without a request."""
    query = "SELECT sha256 FROM request WHERE id = ?"
    row = store.connection.execute(query, (request_id,)).fetchone()
    return None if row is None else row[0]
