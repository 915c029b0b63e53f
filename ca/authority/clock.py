"""Whether this machine's clock can be believed, beside what the register says of time.

Certificates, revocations and CRLs are dated by the clock, and what they say cannot be taken
back. The register knows moments that have been: a clock well before the newest of them is wrong,
or was wrong then. Light to import: every signing looks.
"""

from __future__ import annotations

from collections.abc import Collection

from ca.authority.home import Home
from ca.lint.clock import RULES, Clock, judge_clock
from ca.model.findings import Finding, raise_failures
from ca.store import audit
from ca.store.audit import Event

ACCEPTED = "clock-accepted"
"""The event that says: this moment is right, whatever the events before it say."""


def read_clock(home: Home) -> Clock:
    """The home's clock beside its newest events."""
    return Clock(home.now(), audit.recent_moments(home.store, since=ACCEPTED))


def check_clock(home: Home, allowed: Collection[str] = ()) -> list[Finding]:
    """What is to be said of the clock, before something is dated by it.

    Raises:
        PolicyError: it is behind, and that was not allowed by name.
    """
    findings = judge_clock(read_clock(home), allowed)
    raise_failures(findings)
    return findings


def accept_clock(home: Home, allowed: Collection[str]) -> None:
    """Record that the clock is right, where it looked wrong and the operator says so.

    Inside the write transaction of what is dated by it. From then on only later events count.
    """
    codes = {each.code for each in RULES} & set(allowed)
    if codes and (found := [f for f in check_clock(home, codes) if f.code in codes]):
        detail = {"allowed": ", ".join(f.code for f in found), "said": found[0].message}
        home.record(Event(ACCEPTED, "clock", detail))


def is_doubtful(home: Home) -> bool:
    """Whether nothing should be done by itself that cannot be undone: the clock looks wrong."""
    return bool(judge_clock(read_clock(home)))
