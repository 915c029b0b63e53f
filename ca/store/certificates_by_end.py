"""Certificates by their end, whole or a page of them, and how many end in a span."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from itertools import islice

import msgspec

from ca.store.certificates import IMPORTED, LATEST, CertificateRow, filter_of, relics, select
from ca.store.connection import Store, placeholders

Place = tuple[int, int]
"""Where a page begins: after the certificate with this end (seconds since 1970) and plan."""
_HEX = re.compile(r"[0-9a-f]{1,40}")
FIRST: Place = (-(1 << 62), 0)
_TOGETHER = 500
"""How many rows of a long list are read together."""

_BY_INDEX = "certificate c CROSS JOIN plan p ON p.id = c.plan_id"
"""By the index of ends: CROSS JOIN keeps SQLite from walking through the plans instead."""
_BY_DEVICE = "plan p CROSS JOIN certificate c ON c.plan_id = p.id"
"""A device has few certificates: they are sorted, and the index of ends is not read."""
_JOINED = f"""JOIN profile_text t ON t.sha256 = p.profile_sha256
    LEFT JOIN result r ON r.plan_id = p.id
    LEFT JOIN status_event s ON {LATEST} AND s.status <> 'released'"""
_WITHOUT_END = "p.id IN (SELECT id FROM plan WHERE id NOT IN (SELECT plan_id FROM certificate))"
"""From the two indexes, so that no plan is read that has a certificate."""
_NAMED = """c.plan_id IN (SELECT plan_id FROM san WHERE instr(folded, ?) > 0
    UNION SELECT id FROM plan WHERE device IS NOT NULL AND instr(lower(device), ?) > 0
    UNION SELECT plan_id FROM attachment WHERE instr(lower(device), ?) > 0
    UNION SELECT id FROM plan
           WHERE issuer_id IN (SELECT id FROM issuer) AND serial BETWEEN ? AND ?)"""
"""Gathered once from the indexes, and asked for ``c`` alone: no plan is read that is not listed."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which certificates: with a text in a name or the device, or at the start of the serial.

    ``text`` is folded; ``until``: those that have ended by then (seconds since 1970);
    ``with_plans``: also plans without a certificate; the others as for ``certificates``.
    """

    text: str = ""
    device: str | None = None
    profile: str | None = None
    until: int | None = None
    in_use: bool = True
    with_plans: bool = False


def by_end(
    store: Store, wanted: Wanted, *, most: int | None = None, after: Place = FIRST
) -> Iterator[CertificateRow]:
    """At most so many certificates after a place, by their end; relics among them.

    Some rows are read at a time, in the order of the index, so that memory stays flat.
    """
    source, values = _source(wanted)
    numbers = store.connection.execute(
        f"""SELECT c.plan_id {source}
               AND c.not_after >= ? AND (c.not_after, c.plan_id) > (?, ?)
             ORDER BY c.not_after, c.plan_id LIMIT ?""",
        (*values, after[0], *after, -1 if most is None else most),
    )
    rows = (_plans(store, wanted), _rows_of(store, numbers), _relics(store, wanted, after))
    yield from islice(heapq.merge(*rows, key=_end), most)


def _end(row: CertificateRow) -> Place:
    return row.not_after or 0, row.plan_id


def _rows_of(store: Store, numbers: Iterator[tuple[int]]) -> Iterator[CertificateRow]:
    """The rows of these plans, which come in the order of their end."""
    while some := [number for (number,) in islice(numbers, _TOGETHER)]:
        yield from sorted(select(store, f"WHERE p.id IN ({placeholders(some)})", some), key=_end)


def _plans(store: Store, wanted: Wanted) -> Iterator[CertificateRow]:
    """Plans without a certificate, if they are wanted."""
    if wanted.with_plans:
        where, values = _conditions(wanted)
        where.append(_WITHOUT_END if wanted.device is None else "c.plan_id IS NULL")
        yield from select(store, f"WHERE {' AND '.join(where)} ORDER BY p.id", values)


def number_ending(store: Store, until: int) -> int:
    """How many certificates in use have ended by a moment (seconds since 1970)."""
    wanted = Wanted(until=until)
    source, values = _source(wanted)
    (count,) = store.connection.execute(f"SELECT count(*) {source}", values).fetchone()
    return int(count) + sum(1 for _ in _relics(store, wanted, FIRST))


def number_by_month(store: Store, since: int, until: int) -> dict[str, int]:
    """How many certificates in use end in each month, as ``2027-03``, from one moment to another.

    Months without any are left out.
    """
    wanted = Wanted(until=until)
    source, values = _source(wanted)
    counts: dict[str, int] = dict(
        store.connection.execute(
            f"""SELECT strftime('%Y-%m', c.not_after, 'unixepoch'), count(*) {source}
                   AND c.not_after >= ? GROUP BY 1""",
            (*values, since),
        ).fetchall()
    )
    for row in _relics(store, wanted, (since - 1, 1 << 62)):
        month = f"{row.validity.not_after:%Y-%m}"
        counts[month] = counts.get(month, 0) + 1
    return counts


def _source(wanted: Wanted) -> tuple[str, list[str | bytes | int]]:
    """FROM and WHERE of what is wanted among the certificates that are plans."""
    where, values = _conditions(wanted)
    tables = _BY_INDEX if wanted.device is None else _BY_DEVICE
    return f"FROM {tables} {_JOINED} WHERE {' AND '.join(where)}", values


def _conditions(wanted: Wanted) -> tuple[list[str], list[str | bytes | int]]:
    where, values = filter_of(device=wanted.device, profile=wanted.profile, in_use=wanted.in_use)
    if wanted.until is not None:
        where.append("c.not_after <= ?")
        values.append(wanted.until)
    if wanted.text:
        where.append(_NAMED)
        values += [*[wanted.text] * 3, *_serials(wanted.text)]
    return where, values


def _serials(text: str) -> list[bytes]:
    """The least and the greatest serial that begins with hex digits; none for another text."""
    if not _HEX.fullmatch(text):
        return [b"\x01", b""]
    odd = len(text) % 2
    return [bytes.fromhex(text + "0" * odd), bytes.fromhex(text + "f" * odd) + b"\xff" * 20]


def _relics(store: Store, wanted: Wanted, after: Place) -> Iterator[CertificateRow]:
    """The same of imported certificates that are no plans; they are of no device."""
    if wanted.device is not None or wanted.profile not in (None, IMPORTED):
        return
    where = ["(p.not_after, -p.id) > (?, ?)"]
    values: list[str | bytes | int] = [*after]
    if wanted.until is not None:
        where.append("p.not_after <= ?")
        values.append(wanted.until)
    if wanted.text:
        where.append("(instr(p.names, ?) > 0 OR instr(lower(hex(p.serial)), ?) > 0)")
        values += [wanted.text] * 2
    yield from relics(store, where, values, in_use=wanted.in_use, by_end=True)
