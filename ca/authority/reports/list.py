"""``list``: the certificates of the register, filtered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import msgspec

from ca.authority.home import Home
from ca.authority.records import certificate_record
from ca.documents.certificate import CertificateRecord
from ca.documents.list import ListDocument
from ca.store.certificates_by_end import by_end


class ListWishes(msgspec.Struct, frozen=True):
    """Which certificates to list; by default the current and lapsed ones."""

    expiring: timedelta | None = None
    statuses: frozenset[str] = frozenset()
    profile: str | None = None
    device: str | None = None
    everything: bool = False


def list_certificates(
    home: Home,
    wishes: ListWishes,
    *,
    hand_on: Callable[[CertificateRecord], None] | None = None,
) -> ListDocument:
    """Certificates by their end; by default the current ones and those that lapsed.

    ``expiring`` takes those of them that end within the span, or have ended. With ``hand_on`` each
    certificate is passed to it and the document has none, so that memory is bounded.
    """
    shown: list[CertificateRecord] = []
    for record in listed(home, wishes):
        (hand_on or shown.append)(record)
    return ListDocument(certificates=shown)


def listed(home: Home, wishes: ListWishes) -> Iterator[CertificateRecord]:
    """The certificates of the list, one by one, from one state of the register."""
    now = home.now()
    until = None if wishes.expiring is None else int((now + wishes.expiring).timestamp())
    with home.store.snapshot():
        for row in by_end(
            home.store,
            device=wishes.device,
            profile=wishes.profile,
            until=until,
            in_use=not (wishes.everything or wishes.statuses),
        ):
            if not wishes.statuses or row.status(now) in wishes.statuses:
                yield certificate_record(row, now)
