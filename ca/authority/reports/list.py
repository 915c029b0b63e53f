"""``list``: the certificates of the register, filtered."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import msgspec

from ca.authority.home import Home
from ca.authority.records import certificate_record
from ca.documents.list import ListDocument
from ca.model.status import CURRENT
from ca.store import certificates


class ListWishes(msgspec.Struct, frozen=True):
    """Which certificates to list; by default the current ones."""

    expiring: timedelta | None = None
    statuses: frozenset[str] = frozenset()
    profile: str | None = None
    device: str | None = None
    everything: bool = False


def list_certificates(home: Home, wishes: ListWishes) -> ListDocument:
    """Certificates, oldest first; ``expiring`` takes current ones that end within the span."""
    now = home.now()
    until = None if wishes.expiring is None else int((now + wishes.expiring).timestamp())
    wanted: Collection[str] = wishes.statuses or CURRENT
    rows = certificates.certificates(
        home.store, device=wishes.device, profile=wishes.profile, until=until
    )
    return ListDocument(
        certificates=[
            certificate_record(row, now)
            for row in rows
            if (wishes.everything and not wishes.statuses) or row.status(now) in wanted
        ]
    )
