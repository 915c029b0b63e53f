"""Which CA this is, what it holds, its settings, its audit trail."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from ca.authority.describing import ca_record
from ca.authority.home import Home
from ca.authority.indexing import index_of
from ca.authority.wishes import normal_base_url
from ca.documents.home import LogDocument, LogEvent, SettingsDocument, StatusDocument
from ca.store import audit, certificates, state, verifying
from ca.store.audit import Event

MOST_PROBLEMS = 10_000
"""How many problems ``log --verify`` names; the others are counted."""


def status(home: Home) -> StatusDocument:
    """Which CA this is, how much it holds, and the head of the audit chain."""
    counts = certificates.counts(home.store, home.now())
    return StatusDocument(
        ca=home.name,
        home=str(home.path),
        cas=[ca_record(each) for each in home.cas()],
        base_url=home.base_url,
        target=home.target,
        certificates=dict(sorted(counts.items())),
        audit_events=audit.count(home.store),
        audit_head=audit.head(home.store).hex(),
    )


def log(
    home: Home,
    *,
    verify: bool = False,
    head: str | None = None,
    hand_on: Callable[[LogEvent], None] | None = None,
) -> LogDocument:
    """The audit trail; with ``verify`` or a noted ``head``, what does not fit together.

    With ``hand_on`` each event goes there and none is in the document: memory is bounded.
    """
    events: list[LogEvent] = []
    with home.store.snapshot():
        verifying_too = verify or head is not None
        for each in audit.events(home.store, skip_unreadable=verifying_too):
            (hand_on or events.append)(_event(each))
        newest = audit.head(home.store)
        problems: list[str] | None = None
        if verifying_too:
            found = verifying.problems(home.store, index_of)
            problems = list(islice(found, MOST_PROBLEMS))
            if (more := sum(1 for _ in found)) > 0:
                problems.append(f"and {more} more")
            if head is not None and not audit.has_head(home.store, head.strip().lower()):
                problems.append(f"the noted head {head.strip()[:64]} is not in the trail")
    return LogDocument(events=events, head=newest.hex(), problems=problems)


def _event(recorded: audit.Recorded) -> LogEvent:
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


def set_settings(
    home: Home, *, base_url: str | None = None, target: str | None = None
) -> SettingsDocument:
    """Change the base URL ("none" takes it away) and the target; each change with its event.

    Raises:
        CAError: the URL is not well formed, or there is no such target.
    """
    wished: dict[str, str | None] = {}
    if base_url is not None:
        wished["base_url"] = None if base_url.lower() == "none" else normal_base_url(base_url)
    if target is not None:
        home.library.target(target)
        wished["target"] = target
    changed = False
    with home.store.write():
        for name, value in wished.items():
            before = state.setting(home.store, name)
            if before == value:
                continue
            state.set_setting(home.store, name, value)
            home.record(Event("set", name, {"before": before or "none", "after": value or "none"}))
            changed = True
    return SettingsDocument(base_url=home.base_url, target=home.target, changed=changed)
