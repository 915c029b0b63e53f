"""Challenges for enrolment: the hash of each, never the challenge itself. History."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ca.store.connection import Store
from ca.store.timestamps import from_text, to_text

MOST_OPEN = 2000
"""How many may be open at once: each attempt is compared with all of them."""
REMEMBERED = timedelta(days=7)
"""How long after its end a challenge is told from a wrong one."""


class ChallengeRow(msgspec.Struct, frozen=True):
    """A challenge: its hash, what it is bound to, how often it may be used and how often it was."""

    id: int
    sha256: bytes
    device: str | None
    names: tuple[str, ...]
    profile: str | None
    uses: int
    used: int
    made_at: datetime
    expires_at: datetime


class NewChallenge(msgspec.Struct, frozen=True):
    """A challenge to record. ``names`` are case-folded; empty: it is bound to none."""

    sha256: bytes
    device: str | None
    names: tuple[str, ...]
    profile: str | None
    uses: int
    expires_at: datetime


def add(store: Store, new: NewChallenge, *, at: datetime) -> int:
    """Record a challenge; returns its number."""
    cursor = store.connection.execute(
        """INSERT INTO challenge (sha256, device, names, profile, uses, made_at, expires_at)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (
            new.sha256,
            new.device,
            msgspec.json.encode(new.names).decode(),
            new.profile,
            new.uses,
            to_text(at),
            to_text(new.expires_at),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


_SELECT = """SELECT c.id, c.sha256, c.device, c.names, c.profile, c.uses,
                    (SELECT count(*) FROM enrolment e WHERE e.challenge_id = c.id),
                    c.made_at, c.expires_at
               FROM challenge c """


def ended_since(store: Store, since: datetime) -> list[ChallengeRow]:
    """The challenges that end after a time, used up or not, oldest first."""
    return _rows(store, "WHERE c.expires_at > ? ORDER BY c.id", (to_text(since),))


def hashes_since(store: Store, since: datetime) -> list[tuple[int, bytes]]:
    """Number and hash of each challenge that ends after a time."""
    query = "SELECT id, sha256 FROM challenge WHERE expires_at > ?"
    return store.connection.execute(query, (to_text(since),)).fetchall()


def by_number(store: Store, number: int) -> ChallengeRow:
    """A challenge by its number."""
    return _rows(store, "WHERE c.id = ?", (number,))[0]


def count_open(store: Store, now: datetime) -> int:
    """How many challenges may still be used."""
    return sum(row.used < row.uses for row in ended_since(store, now))


def is_any(store: Store) -> bool:
    """Whether a challenge was ever made here."""
    row = store.connection.execute("SELECT EXISTS (SELECT 1 FROM challenge)").fetchone()
    return bool(row[0])


def _rows(store: Store, where: str, values: tuple[object, ...]) -> list[ChallengeRow]:
    return [
        ChallengeRow(
            number,
            hashed,
            device,
            tuple(msgspec.json.decode(names, type=list[str])),
            profile,
            uses,
            used,
            from_text(made_at),
            from_text(expires_at),
        )
        for number, hashed, device, names, profile, uses, used, made_at, expires_at in (
            store.connection.execute(_SELECT + where, values)
        )
    ]
