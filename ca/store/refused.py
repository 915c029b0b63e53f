"""What was refused before a decision: a bounded log, whose oldest rows go. No evidence."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.store.connection import Store
from ca.store.timestamps import from_text, to_text

MOST_ROWS = 1000
LONGEST_ADDRESS, LONGEST_SENTENCE = 64, 300


class RefusalRow(msgspec.Struct, frozen=True):
    """What an address was answered, how often, and when. ``guess``: for a wrong challenge."""

    address: str
    sentence: str
    guess: bool
    count: int
    first_at: datetime
    last_at: datetime


class Refusal(msgspec.Struct, frozen=True):
    """An address, what it was answered, and whether for a wrong challenge."""

    address: str
    sentence: str
    guess: bool = False


def note(store: Store, refusal: Refusal, *, since: datetime, at: datetime) -> None:
    """Count a refusal, in a row that began after ``since`` if there is one."""
    address = refusal.address[:LONGEST_ADDRESS]
    sentence, guess = refusal.sentence[:LONGEST_SENTENCE], refusal.guess
    counted = store.connection.execute(
        """UPDATE refusal SET count = count + 1, last_at = ?
            WHERE id = (SELECT id FROM refusal
                         WHERE address = ? AND sentence = ? AND guess = ? AND first_at > ?
                         ORDER BY id DESC LIMIT 1)""",
        (to_text(at), address, sentence, int(guess), to_text(since)),
    )
    if counted.rowcount == 0:
        store.connection.execute(
            """INSERT INTO refusal (address, sentence, guess, count, first_at, last_at)
               VALUES (?, ?, ?, 1, ?, ?)""",
            (address, sentence, int(guess), to_text(at), to_text(at)),
        )
        _forget_oldest(store, guess=guess)


def _forget_oldest(store: Store, *, guess: bool) -> None:
    """Keep the table bounded; guesses are counted, so nothing else takes their place."""
    store.connection.execute(
        """DELETE FROM refusal WHERE guess = ?1 AND id NOT IN
               (SELECT id FROM refusal WHERE guess = ?1 ORDER BY id DESC LIMIT ?2)""",
        (int(guess), MOST_ROWS // 2),
    )


def guesses(store: Store, since: datetime, address: str | None = None) -> int:
    """How many wrong challenges were given since a time, by everyone or by one address."""
    where, values = "", [to_text(since)]
    if address is not None:
        where, values = "AND address = ?", [to_text(since), address[:LONGEST_ADDRESS]]
    query = f"SELECT coalesce(sum(count), 0) FROM refusal WHERE guess = 1 AND last_at > ? {where}"  # noqa: S608 - our own constants
    return int(store.connection.execute(query, values).fetchone()[0])


def refusals(store: Store, limit: int = MOST_ROWS) -> list[RefusalRow]:
    """The newest refusals, newest first."""
    rows = store.connection.execute(
        """SELECT address, sentence, guess, count, first_at, last_at FROM refusal
            ORDER BY last_at DESC, id DESC LIMIT ?""",
        (limit,),
    )
    return [
        RefusalRow(address, sentence, bool(guess), count, from_text(first), from_text(last))
        for address, sentence, guess, count, first, last in rows
    ]
