"""The bounded log of what was refused before a decision, and the lock-out of who guesses."""

from __future__ import annotations

from datetime import timedelta

from ca.authority.home import Home
from ca.errors import StoreError
from ca.names.text import printable
from ca.store import refused

WINDOW = timedelta(minutes=15)
"""How long wrong challenges count, and equal refusals are counted in one row."""
GUESSES_OF_ONE, GUESSES_OF_ALL = 5, 100
"""After so many wrong challenges within the window none is tried any more: of one address, of all.

A challenge has 128 random bits: this is not what protects it, but what ends the attempts.
"""


def note_refused(home: Home, address: str, sentence: str, *, guess: bool = False) -> bool:
    """Note that a request was refused before a decision; whether that could be recorded.

    A locked register is no reason to fail: the answer to the device is the same.
    """
    now = home.now()
    said = printable(sentence, refused.LONGEST_SENTENCE)
    refusal = refused.Refusal(printable(address), said, guess)
    try:
        with home.store.translating_errors(), home.store.write():
            refused.note(home.store, refusal, since=now - WINDOW, at=now)
    except StoreError:
        return False
    return True


def is_locked_out(home: Home, address: str) -> bool:
    """Whether an address gave so many wrong challenges of late that none of its is tried."""
    since = home.now() - WINDOW
    return refused.guesses(home.store, since, printable(address)) >= GUESSES_OF_ONE


def is_under_attack(home: Home) -> bool:
    """Whether so many wrong challenges came of late that none of anybody's is tried."""
    return refused.guesses(home.store, home.now() - WINDOW) >= GUESSES_OF_ALL
