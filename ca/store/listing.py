"""Pages of certificates by their end, the number that end in a span: for registers of any size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import msgspec

from ca.store.certificates import IN_USE, LATEST, CertificateRow, relics, select
from ca.store.connection import Store, placeholders

Place = tuple[int, int]
"""Where a page begins: after the certificate with this end (seconds since 1970) and plan."""
_HEX = re.compile(r"[0-9a-f]{1,40}")
FIRST: Place = (-(1 << 62), 0)

_FROM = f"""FROM certificate c CROSS JOIN plan p ON p.id = c.plan_id
    JOIN profile_text t ON t.sha256 = p.profile_sha256
    LEFT JOIN result r ON r.plan_id = p.id
    LEFT JOIN status_event s ON {LATEST} AND s.status <> 'released'
   WHERE p.for_issuer_id IS NULL AND p.id NOT IN (SELECT plan_id FROM ocsp_signer)"""  # noqa: S608 - our own constants
"""By the index of ends: CROSS JOIN keeps SQLite from walking through the plans instead."""
_NAMED = """c.plan_id IN (SELECT plan_id FROM san WHERE instr(folded, ?) > 0
    UNION SELECT id FROM plan WHERE device IS NOT NULL AND instr(lower(device), ?) > 0
    UNION SELECT plan_id FROM attachment WHERE instr(lower(device), ?) > 0
    UNION SELECT id FROM plan
           WHERE issuer_id IN (SELECT id FROM issuer) AND serial BETWEEN ? AND ?)"""
"""Gathered once from the indexes, and asked for ``c`` alone: no plan is read that is not listed."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which certificates: with a text in a name or the device, or at the start of the serial.

    ``text`` is folded; ``until``: those that have ended by then (seconds since 1970).
    """

    text: str = ""
    until: int | None = None
    in_use: bool = True


def certificates_by_end(
    store: Store, wanted: Wanted, *, most: int, after: Place = FIRST
) -> list[CertificateRow]:
    """At most so many certificates after a place, by their end; relics among them."""
    where, values = _conditions(wanted)
    found = store.connection.execute(
        f"""SELECT c.plan_id {_FROM}
               AND c.not_after >= ? AND (c.not_after, c.plan_id) > (?, ?) {where}
             ORDER BY c.not_after, c.plan_id LIMIT ?""",
        (after[0], *after, *values, most),
    )
    numbers = [row[0] for row in found]
    plans = select(store, f"WHERE p.id IN ({placeholders(numbers)})", numbers)
    old = islice(_relics(store, wanted, after), most)
    return sorted([*plans, *old], key=lambda row: (row.not_after or 0, row.plan_id))[:most]


def number_ending(store: Store, until: int) -> int:
    """How many certificates in use have ended by a moment (seconds since 1970)."""
    where, values = _conditions(Wanted(until=until))
    (count,) = store.connection.execute(
        f"SELECT count(*) {_FROM} {where}",
        values,
    ).fetchone()
    return int(count) + sum(1 for _ in _relics(store, Wanted(until=until), FIRST))


def number_by_month(store: Store, since: int, until: int) -> dict[str, int]:
    """How many certificates in use end in each month, as ``2027-03``, from one moment to another.

    Months without any are left out.
    """
    where, values = _conditions(Wanted(until=until))
    counts: dict[str, int] = dict(
        store.connection.execute(
            f"""SELECT strftime('%Y-%m', c.not_after, 'unixepoch'), count(*) {_FROM}
                   AND c.not_after >= ? {where} GROUP BY 1""",
            (since, *values),
        ).fetchall()
    )
    for row in _relics(store, Wanted(until=until), (since - 1, 1 << 62)):
        month = f"{row.validity.not_after:%Y-%m}"
        counts[month] = counts.get(month, 0) + 1
    return counts


def _conditions(wanted: Wanted) -> tuple[str, list[str | bytes | int]]:
    where, values = "", list[str | bytes | int]()
    if wanted.until is not None:
        where += " AND c.not_after <= ?"
        values.append(wanted.until)
    if wanted.text:
        where += f" AND {_NAMED}"
        values += [*[wanted.text] * 3, *_serials(wanted.text)]
    return (f"{where} AND {IN_USE}" if wanted.in_use else where), values


def _serials(text: str) -> list[bytes]:
    """The least and the greatest serial that begins with hex digits; none for another text."""
    if not _HEX.fullmatch(text):
        return [b"\x01", b""]
    odd = len(text) % 2
    return [bytes.fromhex(text + "0" * odd), bytes.fromhex(text + "f" * odd) + b"\xff" * 20]


def _relics(store: Store, wanted: Wanted, after: Place) -> Iterator[CertificateRow]:
    """The same of imported certificates that are no plans."""
    where = ["(p.not_after, -p.id) > (?, ?)"]
    values: list[str | bytes | int] = [*after]
    if wanted.until is not None:
        where.append("p.not_after <= ?")
        values.append(wanted.until)
    if wanted.text:
        where.append("(instr(p.names, ?) > 0 OR instr(lower(hex(p.serial)), ?) > 0)")
        values += [wanted.text] * 2
    yield from relics(store, where, values, in_use=wanted.in_use, by_end=True)
