"""Whether this machine's clock can be believed, compared with the times recorded in the register.

Certificates, revocations and CRLs are dated by the clock and cannot be taken back. A clock well
before the newest recorded time is wrong now, or was wrong then. Light to import: every signing
checks it.
"""

from __future__ import annotations

from collections.abc import Collection

from ca.authority.home import Home
from ca.lint.clock import RULES, Clock, judge_clock
from ca.model.findings import Finding, raise_failures
from ca.store import audit
from ca.store.audit import Event

ACCEPTED = "clock-accepted"
"""The event by which an operator confirms the clock, whatever earlier events say."""


def read_clock(home: Home) -> Clock:
    """The current time and the times of the newest events."""
    return Clock(home.now(), audit.recent_times(home.store, since=ACCEPTED))


def check_clock(home: Home, allowed: Collection[str] = ()) -> list[Finding]:
    """Check the clock before it dates something.

    Raises:
        PolicyError: it is behind, and ``allow`` does not name clock-behind.
    """
    findings = judge_clock(read_clock(home), allowed)
    raise_failures(findings)
    return findings


def accept_clock(home: Home, allowed: Collection[str]) -> None:
    """Record that the operator confirmed a clock that looked wrong.

    Call it inside the write transaction of whatever is dated. From then on only later events count.
    """
    codes = {each.code for each in RULES} & set(allowed)
    if codes and (findings := [f for f in check_clock(home, codes) if f.code in codes]):
        detail = {"allowed": ", ".join(f.code for f in findings), "said": findings[0].message}
        home.record(Event(ACCEPTED, "clock", detail))


def is_doubtful(home: Home) -> bool:
    """Whether the clock looks wrong, so that nothing irreversible should be done unasked."""
    return bool(judge_clock(read_clock(home)))
