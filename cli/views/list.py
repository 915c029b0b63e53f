"""The answer of ``list`` as a table and as CSV."""

from __future__ import annotations

import csv
import io
import re

import msgspec

from ca.documents.certificate import CertificateRecord
from ca.documents.list import ListDocument
from cli.terminal import one_line, table

SERIAL_SHOWN = 12


_COMPUTED = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""What makes a spreadsheet compute a cell, in full width as well (OWASP, CSV injection)."""


def list_text(document: ListDocument) -> str:
    """One line a certificate."""
    rows = [
        (
            each.serial[:SERIAL_SHOWN],
            short_subject(each.subject),
            ", ".join(each.san)[:60],
            each.profile,
            device_text(each),
            f"{each.not_after:%Y-%m-%d}" if each.not_after else "-",
            each.status,
        )
        for each in document.certificates
    ]
    if not rows:
        return ""
    return table(rows, head=("serial", "subject", "san", "profile", "device", "until", "status"))


def list_csv(document: ListDocument) -> str:
    """The keys of the JSON; SANs split by ``;``; what a spreadsheet would compute is quoted."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(CertificateRecord.__struct_fields__)
    for record in document.certificates:
        builtins = msgspec.to_builtins(record)
        writer.writerow(
            [_cell(";".join(v) if isinstance(v, list) else v) for v in builtins.values()]
        )
    return target.getvalue().rstrip("\n")


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
