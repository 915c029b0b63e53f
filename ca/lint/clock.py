"""Rules for the clock, compared with the times of the newest events of the register."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from ca.model.findings import Finding, Violation, cases, rule, run

SKEW = timedelta(minutes=5)
"""How far the clocks of machines that share a home may differ."""
LEAP = timedelta(days=365)
"""A longer gap between two events suggests a wrong clock rather than a CA that nobody used."""


class Clock(msgspec.Struct, frozen=True):
    """The time now, and the times of the newest events, in their order."""

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
        f"the clock says {clock.now:%Y-%m-%d %H:%M}Z, but the register's newest event is from "
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
        "certificates signed with a clock that is ahead are not yet valid on any device; if nobody "
        "used this CA for so long, --allow clock-ahead records that",
    )


RULES = (clock_behind, clock_ahead)


def judge_clock(clock: Clock, allowed: Collection[str] = ()) -> list[Finding]:
    """Judge a clock; ``allowed`` are codes of rules that the operator overrides."""
    return run(RULES, clock, allowed)
