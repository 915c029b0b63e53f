"""Requests that came by SCEP, and how each ended. History."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from ca.store.connection import Store
from ca.store.timestamps import from_text, to_text

LAPSES_AFTER = timedelta(days=30)
"""After so long a request that nobody decided is over: its place in the queue is free again."""
SOURCE = "scep:"
"""How the register calls the origin of a certificate for a request: this, and its number."""
Kind = Literal["new", "renewal"]
Outcome = Literal["issued", "denied"]


class EnrolmentRow(msgspec.Struct, frozen=True):
    """A request as it was kept, and its end if it has one.

    ``csr`` is the request in the form that ``ca.csr.kept`` gives it. ``old_plan_id``: the
    certificate that a renewal is signed by. ``plan_id``: the certificate that was issued.
    """

    id: int
    transaction_id: str
    kind: Kind
    csr: bytes
    csr_sha256: bytes
    key_identity: bytes
    old_plan_id: int | None
    challenge_id: int | None
    address: str
    legacy: tuple[str, ...]
    received_at: datetime
    outcome: Outcome | None = None
    plan_id: int | None = None
    reason: str | None = None
    ended_at: datetime | None = None


class NewEnrolment(msgspec.Struct, frozen=True):
    """A request to record."""

    transaction_id: str
    kind: Kind
    csr: bytes
    csr_sha256: bytes
    key_identity: bytes
    old_plan_id: int | None
    challenge_id: int | None
    address: str
    legacy: tuple[str, ...]


def add(store: Store, new: NewEnrolment, *, at: datetime) -> int:
    """Record a request; returns its number."""
    cursor = store.connection.execute(
        """INSERT INTO enrolment (transaction_id, kind, csr, csr_sha256, key_identity, old_plan_id,
                                  challenge_id, address, legacy, received_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            new.transaction_id,
            new.kind,
            new.csr,
            new.csr_sha256,
            new.key_identity,
            new.old_plan_id,
            new.challenge_id,
            new.address,
            " ".join(new.legacy),
            to_text(at),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


class End(msgspec.Struct, frozen=True):
    """How a request ended: with which plan's certificate, granted by whom or denied why."""

    outcome: Outcome
    plan_id: int | None = None
    reason: str = ""


def end(store: Store, number: int, how: End, *, at: datetime) -> None:
    """Record how a request ended; the register refuses a second end."""
    store.connection.execute(
        """INSERT INTO enrolment_end (enrolment_id, outcome, plan_id, reason, ended_at)
           VALUES (?, ?, ?, ?, ?)""",
        (number, how.outcome, how.plan_id, how.reason, to_text(at)),
    )


def by_number(store: Store, number: int) -> EnrolmentRow | None:
    """A request by its number, or None."""
    return next(iter(_rows(store, "WHERE e.id = ?", (number,))), None)


def by_transaction(store: Store, transaction_id: str) -> list[EnrolmentRow]:
    """The newest requests of a transaction, newest first."""
    where = "WHERE e.transaction_id = ? ORDER BY e.id DESC LIMIT 50"
    return _rows(store, where, (transaction_id,))


def pending_of(store: Store, csr_sha256: bytes, key_identity: bytes) -> list[int]:
    """The numbers of the undecided requests, new ones, of the same octets."""
    rows = store.connection.execute(
        """SELECT e.id FROM enrolment e
            WHERE e.csr_sha256 = ? AND e.key_identity = ? AND e.kind = 'new'
              AND NOT EXISTS (SELECT 1 FROM enrolment_end d WHERE d.enrolment_id = e.id)
            ORDER BY e.id""",
        (csr_sha256, key_identity),
    )
    return [row[0] for row in rows]


def received_since(store: Store, since: datetime | None) -> list[EnrolmentRow]:
    """Every request received since a time, oldest first."""
    if since is None:
        return _rows(store, "ORDER BY e.id", ())
    return _rows(store, "WHERE e.received_at >= ? ORDER BY e.id", (to_text(since),))


def pending(store: Store, since: datetime) -> list[EnrolmentRow]:
    """The requests received since a time that nobody decided, oldest first."""
    where = "WHERE e.received_at >= ? AND d.enrolment_id IS NULL ORDER BY e.id"
    return _rows(store, where, (to_text(since),))


def pending_addresses(store: Store, since: datetime) -> list[str]:
    """From which address each request came that is pending since a time."""
    rows = store.connection.execute(
        """SELECT e.address FROM enrolment e
            WHERE e.received_at >= ?
              AND NOT EXISTS (SELECT 1 FROM enrolment_end d WHERE d.enrolment_id = e.id)""",
        (to_text(since),),
    )
    return [row[0] for row in rows]


def issued_to(store: Store, old_plan_id: int) -> int:
    """How many renewals that a certificate signed were issued."""
    row = store.connection.execute(
        """SELECT count(*) FROM enrolment e JOIN enrolment_end d ON d.enrolment_id = e.id
            WHERE e.old_plan_id = ? AND d.outcome = 'issued'""",
        (old_plan_id,),
    ).fetchone()
    return int(row[0])


def open_plan_of(store: Store, source: str) -> tuple[int, bytes, datetime] | None:
    """Number, serial and time of a plan from a source that has no end yet, or None."""
    row = store.connection.execute(
        """SELECT p.id, p.serial, p.planned_at
             FROM open_plan o CROSS JOIN plan p ON p.id = o.plan_id
            WHERE p.source = ? ORDER BY p.id DESC LIMIT 1""",
        (source,),
    ).fetchone()
    return None if row is None else (row[0], row[1], from_text(row[2]))


def _rows(store: Store, where: str, values: Sequence[object]) -> list[EnrolmentRow]:
    rows = store.connection.execute(
        f"""SELECT e.id, e.transaction_id, e.kind, e.csr, e.csr_sha256, e.key_identity,
                   e.old_plan_id, e.challenge_id, e.address, e.legacy, e.received_at,
                   d.outcome, d.plan_id, d.reason, d.ended_at
              FROM enrolment e LEFT JOIN enrolment_end d ON d.enrolment_id = e.id {where}""",  # noqa: S608 - our own constants
        tuple(values),
    )
    return [_row(row) for row in rows]


def _row(row: Sequence[Any]) -> EnrolmentRow:
    *first, legacy, received_at, outcome, plan_id, reason, ended_at = row
    ended = None if ended_at is None else from_text(ended_at)
    known = (*first, tuple(legacy.split()), from_text(received_at))
    values: Any = (*known, outcome, plan_id, reason, ended)
    return EnrolmentRow(*values)
