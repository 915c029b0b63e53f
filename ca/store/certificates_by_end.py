"""The certificates of a register by their end, read in the order of the index."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice

from ca.store.certificates import CertificateRow, filter_of, filtered_relics, select
from ca.store.connection import Store, placeholders

_TOGETHER = 500
"""How many rows of a long list are read together."""


def _end(row: CertificateRow) -> tuple[int, int]:
    return row.not_after or 0, row.plan_id


def by_end(
    store: Store,
    *,
    device: str | None = None,
    profile: str | None = None,
    until: int | None = None,
    in_use: bool = False,
) -> Iterator[CertificateRow]:
    """``certificates.certificates`` by their notAfter, then by number, first those that have none.

    A whole register is read in the order of the index, some rows at a time: nothing is sorted but
    relics, and memory stays flat.
    """
    where, values = filter_of(device=device, profile=profile, since=0, until=until, in_use=in_use)
    if device is None:
        rows = _along_the_index(store, where, values, until)
    else:
        rows = iter(sorted(select(store, f"WHERE {where}", values), key=_end))
    relics_too = filtered_relics(
        store, device=device, profile=profile, since=0, until=until, in_use=in_use
    )
    yield from heapq.merge(rows, sorted(relics_too, key=_end), key=_end)


def _along_the_index(
    store: Store, where: str, values: list[str], until: int | None
) -> Iterator[CertificateRow]:
    if until is None:
        unsigned = "p.id IN (SELECT id FROM plan WHERE id NOT IN (SELECT plan_id FROM certificate))"
        dated = store.connection.execute(
            "SELECT plan_id FROM certificate ORDER BY not_after, plan_id"
        )
        undated = select(store, f"WHERE {where} AND {unsigned} ORDER BY p.id", values)
    else:
        undated = iter(())
        dated = store.connection.execute(
            """SELECT plan_id FROM certificate WHERE not_after BETWEEN 0 AND ?
                ORDER BY not_after, plan_id""",
            (until,),
        )
    yield from heapq.merge(undated, _rows_of(store, dated, where, values), key=_end)


def _rows_of(
    store: Store, numbers: Iterator[tuple[int]], where: str, values: list[str]
) -> Iterator[CertificateRow]:
    """The rows of these plans that the filter lets through, in the order of the index."""
    while chunk := [number for (number,) in islice(numbers, _TOGETHER)]:
        among = f"WHERE {where} AND p.id IN ({placeholders(chunk)})"
        yield from sorted(select(store, among, [*values, *chunk]), key=_end)
