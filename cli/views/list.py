"""The answer of ``list`` as a table and as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

import msgspec

from ca.documents.certificate import CertificateRecord
from ca.documents.list import ListDocument
from cli.terminal import Meaning, is_cut, meaning, one_line, table_rows, verbatim

SERIAL_SHOWN = 12
SANS_SHOWN = 2
_STATUSES: dict[str, Meaning] = {
    "valid": "ok",
    "revoked": "error",
    "expired": "error",
    "held": "warning",
    "superseded": "quiet",
    "abandoned": "quiet",
}


_COMPUTED = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""What makes a spreadsheet compute a cell, in full width as well (OWASP, CSV injection)."""


def list_text(document: ListDocument, *, with_head: bool = True) -> str:
    """One line a certificate."""
    rows = [
        (
            each.serial[:SERIAL_SHOWN],
            short_subject(each.subject),
            sans_text(each.san),
            each.profile,
            device_text(each),
            f"{each.not_after:%Y-%m-%d}" if each.not_after else "-",
            left_text(each.days_left),
            status_text(each.status),
        )
        for each in document.certificates
    ]
    if not rows:
        return ""
    head = ("serial", "subject", "san", "profile", "device", "until", "left", "status")
    lines = table_rows(rows, head=head, drop=("san", "profile"), shorten=("subject", "device"))
    return "\n".join(lines if with_head else lines[1:])


def sans_text(sans: Sequence[str]) -> str:
    """The SANs; on a terminal the first two, and how many more there are."""
    if not is_cut() or len(sans) <= SANS_SHOWN:
        return ", ".join(sans)
    return f"{', '.join(sans[:SANS_SHOWN])} +{len(sans) - SANS_SHOWN}"


def left_text(days: int | None) -> str:
    """How many days are left until the end, or since when it is past."""
    if days is None:
        return "-"
    return f"{days} d" if days >= 0 else f"ended {-days} d ago"


def status_text(status: str) -> str:
    """A status in its colour."""
    return meaning(_STATUSES[status], status) if status in _STATUSES else status


def list_csv(document: ListDocument, *, with_head: bool = True) -> str:
    """The keys of the JSON; SANs split by ``;``; what a spreadsheet would compute is quoted."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    if with_head:
        writer.writerow(CertificateRecord.__struct_fields__)
    for record in document.certificates:
        builtins = msgspec.to_builtins(record)
        writer.writerow(
            [_cell(";".join(v) if isinstance(v, list) else v) for v in builtins.values()]
        )
    return verbatim(target.getvalue().rstrip("\n"))


def _cell(value: object) -> str:
    text = "" if value is None else one_line(str(value))
    return f"'{text}" if text.lstrip()[:1] in _COMPUTED else text


def short_subject(subject: str) -> str:
    """The CN alone where there is one: the whole subject is ``show``'s."""
    parts = re.findall(r"(?:\\.|[^\\,])+", subject)  # a comma inside a value is escaped
    return next((part.strip() for part in parts if part.strip().startswith("CN=")), subject)


def device_text(each: CertificateRecord) -> str:
    """The device and its TLS context, as far as they are known."""
    if each.context is None:
        return each.device or ""
    return f"{each.device or ''} ctx{each.context}".strip()
