"""``log``: the audit trail, and its verification."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from ca.authority.home import Home
from ca.authority.register import index_of
from ca.documents.log import LogDocument, LogEvent
from ca.store import audit, history_checks

MOST_PROBLEMS = 10_000
"""How many problems ``log --verify`` names at most; the others are counted."""


def log(
    home: Home,
    *,
    verify: bool = False,
    head: str | None = None,
    hand_on: Callable[[LogEvent], None] | None = None,
) -> LogDocument:
    """The audit trail; with ``verify`` or a noted ``head``, also its inconsistencies.

    With ``hand_on`` each event is passed to it and the document has none, so that memory is
    bounded.
    """
    events: list[LogEvent] = []
    with home.store.snapshot():
        verifying_too = verify or head is not None
        for source in audit.events(home.store, skip_unreadable=verifying_too):
            (hand_on or events.append)(_event(source))
        newest = audit.head(home.store)
        problems: list[str] | None = None
        if verifying_too:
            every_problem = history_checks.problems(home.store, index_of)
            problems = list(islice(every_problem, MOST_PROBLEMS))
            if (more := sum(1 for _ in every_problem)) > 0:
                problems.append(f"and {more} more")
            if head is not None and not audit.has_head(home.store, head.strip().lower()):
                problems.append(f"the noted head {head.strip()[:64]} is not in the trail")
    return LogDocument(events=events, head=newest.hex(), problems=problems)


def recent_events(home: Home, *, before: int | None = None, most: int) -> LogDocument:
    """A page of the audit trail: at most so many events, newest first, below a number."""
    with home.store.snapshot():
        events = [_event(each) for each in audit.events(home.store, before=before, most=most)]
        newest = audit.head(home.store)
    return LogDocument(events=events, head=newest.hex(), problems=None)


def _event(recorded: audit.RecordedEvent) -> LogEvent:
    return LogEvent(
        id=recorded.id,
        at=recorded.at,
        action=recorded.action,
        subject=recorded.subject,
        detail=recorded.detail,
        os_user=recorded.os_user,
        host=recorded.host,
        version=recorded.version,
        hash=recorded.hash.hex(),
    )
