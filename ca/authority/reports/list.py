"""``list``: the certificates of the register, filtered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import msgspec

from ca.authority.home import Home
from ca.authority.records import certificate_record
from ca.documents.certificate import CertificateRecord
from ca.documents.list import ListDocument
from ca.names.hosts import as_address
from ca.store import certificates_by_end
from ca.store.certificates_by_end import FIRST, Place, Wanted, by_end


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
    wanted = Wanted(
        device=wishes.device,
        profile=wishes.profile,
        until=until,
        in_use=not (wishes.everything or wishes.statuses),
        with_plans=until is None,
    )
    with home.store.snapshot():
        for row in by_end(home.store, wanted):
            if not wishes.statuses or row.status(now) in wishes.statuses:
                yield certificate_record(row, now)


class PageWishes(msgspec.Struct, frozen=True, kw_only=True):
    """One page of certificates by their end; ``text`` is in a name, the device or the serial."""

    text: str = ""
    expiring: timedelta | None = None
    everything: bool = False
    most: int = 100
    after: Place | None = None


def list_page(home: Home, wishes: PageWishes) -> tuple[ListDocument, Place | None]:
    """One page of what ``list_certificates`` lists, and where the next begins, if there is one.

    The register filters, sorts and cuts, so that a million certificates are no more work.
    """
    now = home.now()
    folded = (as_address(wishes.text) or wishes.text).casefold()
    wanted = Wanted(
        text=folded.replace(":", "") if _is_spaced_serial(folded) else folded,
        until=None if wishes.expiring is None else int((now + wishes.expiring).timestamp()),
        in_use=not wishes.everything,
    )
    most = wishes.most + 1
    rows = list(by_end(home.store, wanted, most=most, after=wishes.after or FIRST))
    shown = rows[: wishes.most]
    rest = (shown[-1].not_after or 0, shown[-1].plan_id) if len(rows) > len(shown) else None
    return ListDocument(certificates=[certificate_record(row, now) for row in shown]), rest


def _is_spaced_serial(text: str) -> bool:
    """Whether it is hex digits in pairs with colons between, as other programs print serials."""
    pairs = text.split(":")
    return len(pairs) > 1 and all(len(each) == 2 for each in pairs) and _is_hex("".join(pairs))


def _is_hex(text: str) -> bool:
    return all(each in "0123456789abcdef" for each in text)


def count_ending(home: Home, within: timedelta) -> int:
    """How many certificates ``list --expiring`` would list."""
    return certificates_by_end.number_ending(home.store, int((home.now() + within).timestamp()))


def ends_by_month(home: Home) -> list[tuple[datetime, int]]:
    """How many certificates in use end in each of twelve months, from the current one on."""
    now = home.now()
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = [_later(first, number) for number in range(13)]
    counts = certificates_by_end.number_by_month(
        home.store, int(now.timestamp()), int(months[-1].timestamp()) - 1
    )
    return [(each, counts.get(f"{each:%Y-%m}", 0)) for each in months[:-1]]


def _later(first: datetime, months: int) -> datetime:
    return first.replace(
        year=first.year + (first.month - 1 + months) // 12,
        month=(first.month - 1 + months) % 12 + 1,
    )
