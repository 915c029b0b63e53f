"""``list``: the certificates of the register, filtered."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from ca.authority.home import Home
from ca.authority.records import certificate_record
from ca.documents.list import ListDocument
from ca.store import certificates


class ListWishes(msgspec.Struct, frozen=True):
    """Which certificates to list; by default the current and lapsed ones."""

    expiring: timedelta | None = None
    statuses: frozenset[str] = frozenset()
    profile: str | None = None
    device: str | None = None
    everything: bool = False


def list_certificates(home: Home, wishes: ListWishes) -> ListDocument:
    """Certificates by their end; by default the current ones and those that lapsed.

    ``expiring`` takes those of them that end within the span, or have ended.
    """
    now = home.now()
    until = None if wishes.expiring is None else int((now + wishes.expiring).timestamp())
    rows = certificates.certificates(
        home.store,
        device=wishes.device,
        profile=wishes.profile,
        until=until,
        in_use=not (wishes.everything or wishes.statuses),
    )
    shown = [row for row in rows if not wishes.statuses or row.status(now) in wishes.statuses]
    shown.sort(key=lambda row: (row.not_after or 0, row.plan_id))
    return ListDocument(certificates=[certificate_record(row, now) for row in shown])
