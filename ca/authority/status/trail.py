"""The audit trail since ``check`` last looked at it; ``log --verify`` reads it as a whole.

How far it was read is an event of the trail itself, so that nobody can move it without being seen.
It is recorded only now and then: an hourly check of an idle home records nothing.
"""

from __future__ import annotations

import contextlib

import msgspec

from ca.authority.clock import is_doubtful
from ca.authority.home import Home
from ca.errors import StoreError
from ca.model.findings import Finding, Violation, cases, rule, run
from ca.store import audit, history_checks
from ca.store.audit import Event

VERIFIED = "verified"
"""The event that says up to which event the trail was read, and with which hash."""
MOST = 50_000
"""How many events one check reads, at 12 µs each; the next goes on from there."""
NOTED_AFTER = 1_000
"""How many events there have to be to record that they were read."""


class TrailRead(msgspec.Struct, frozen=True):
    """The events that one check reads: those after one number, up to another, of how many."""

    after: int
    upto: int
    newest: int


@rule("trail-unread", "info", "decision 59")
@cases(
    "Nothing was signed since the last check, or less than 50,000 certificates.",
    "A register of a million certificates that was never checked.",
)
def trail_unread(trail: TrailRead) -> Violation | None:
    """Every event of the audit trail was held against history by this check or an earlier one."""
    left = trail.newest - trail.upto
    if left <= 0:
        return None
    return Violation(
        f"{left} events of the audit trail are still to be read; each check reads {MOST}",
        "sipca log --verify reads all of them",
    )


def read_trail(home: Home) -> tuple[TrailRead, list[str]]:
    """Read the events since the last look; which those are, and what is wrong with them."""
    newest = audit.newest(home.store)
    last = 0 if newest is None else newest[0]
    after, problems = _read_before(home)
    upto = min(last, after + MOST)
    problems += history_checks.trail_problems(home.store, after=after, upto=upto)
    return TrailRead(after, upto, last), problems


def unread(trail: TrailRead) -> list[Finding]:
    """The finding that some events are left for later checks."""
    return run([trail_unread], trail)


def note_read(home: Home, trail: TrailRead) -> None:
    """Record how far the trail was read, if that is worth an event and this home can be written.

    Not while the clock looks wrong: an event of tomorrow would stop today's signing.
    """
    if trail.upto - trail.after < NOTED_AFTER or home.store.mode != "rw" or is_doubtful(home):
        return
    hashed = audit.hash_of(home.store, trail.upto) or b""
    detail = {"event": str(trail.upto), "hash": hashed.hex()}
    full_or_in_use = contextlib.suppress(StoreError)
    with full_or_in_use, home.store.translating_errors(), home.store.write():
        home.record(Event(VERIFIED, "register", detail))


def _read_before(home: Home) -> tuple[int, list[str]]:
    """Up to which event the trail was read before, and whether that event is still the same."""
    detail = audit.newest_detail(home.store, VERIFIED) or {}
    try:
        number, hashed = int(detail["event"]), bytes.fromhex(detail["hash"])
    except (KeyError, ValueError):
        return 0, []
    if audit.hash_of(home.store, number) == hashed:
        return number, []
    return 0, [f"event {number} is not the one that was read at the last check"]
