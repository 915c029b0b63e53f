"""Whether a clock can be believed, beside the moments of a register's newest events."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from ca.model.findings import Finding, Violation, cases, rule, run

SKEW = timedelta(minutes=5)
"""How far the clocks of machines that share a home may differ."""


LEAP = timedelta(days=365)
"""A gap between two events that is rather a wrong clock than a CA that nobody used."""


class Clock(msgspec.Struct, frozen=True):
    """This moment, and the moments of the newest events, in their order."""

    now: datetime
    moments: tuple[datetime, ...]


@rule("clock-behind", "error", "RFC 5280 4.1.2.5; decision 42", allow=True)
@cases(
    "The newest event is from 12:00, and the clock says 12:01.",
    "The newest event is from this year, and the clock says 1970.",
)
def clock_behind(clock: Clock) -> Violation | None:
    """The clock is not behind the newest event of the register."""
    newest = max(clock.moments, default=clock.now)
    if clock.now >= newest - SKEW:
        return None
    return Violation(
        f"the clock says {clock.now:%Y-%m-%d %H:%M}Z, but the register's newest event is of "
        f"{newest:%Y-%m-%d %H:%M}Z",
        "set this machine's clock, unless it is right now and was wrong then",
    )


@rule("clock-ahead", "warning", "RFC 5280 4.1.2.5; decision 42", allow=True)
@cases("The last event was yesterday.", "The last event was in 2026, and the clock says 2036.")
def clock_ahead(clock: Clock) -> Violation | None:
    """The clock has not leapt ahead by more than a year between two events."""
    times = [*clock.moments, clock.now]
    leaps = [(a, b) for a, b in pairwise(times) if b - a > LEAP]
    if not leaps:
        return None
    before, after = leaps[-1]
    return Violation(
        f"the clock leapt from {before:%Y-%m-%d %H:%M}Z to {after:%Y-%m-%d %H:%M}Z: is it right?",
        "what is signed under a clock that is ahead is not yet valid on any device; where nobody "
        "used this CA for so long, --allow clock-ahead records that",
    )


RULES = (clock_behind, clock_ahead)


def judge_clock(clock: Clock, allowed: Collection[str] = ()) -> list[Finding]:
    """What is to be said of a clock."""
    return run(RULES, clock, allowed)
