"""Lists and single certificates as text."""

from __future__ import annotations

import csv
import io
import re

import msgspec

from ca.documents.certificates import CertificateRecord, ExportDocument, ListDocument, ShowDocument
from cli.terminal import one_line, table
from cli.views.account import account_text
from cli.views.signing import steps_text

SERIAL_SHOWN = 12
_COMPUTED = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""What makes a spreadsheet compute a cell, in full width as well (OWASP, CSV injection)."""


def list_text(document: ListDocument) -> str:
    """One line a certificate."""
    rows = [
        (
            each.serial[:SERIAL_SHOWN],
            _short(each.subject),
            ", ".join(each.san)[:60],
            each.profile,
            _device(each),
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
    for each in document.certificates:
        builtins = msgspec.to_builtins(each)
        writer.writerow(
            [_cell(";".join(v) if isinstance(v, list) else v) for v in builtins.values()]
        )
    return target.getvalue().rstrip("\n")


def _cell(value: object) -> str:
    text = "" if value is None else one_line(str(value))
    return f"'{text}" if text.lstrip()[:1] in _COMPUTED else text


def show_text(document: ShowDocument) -> str:
    """Everything about one certificate, the account last."""
    each = document.certificate
    rows = [
        ("subject", each.subject),
        ("SAN", ", ".join(each.san) or "none"),
        ("serial", each.serial),
        ("issuer", each.issuer),
        ("valid", f"{each.not_before:%Y-%m-%d %H:%M}Z to {each.not_after:%Y-%m-%d %H:%M}Z"),
        ("status", _status(document)),
        ("profile", each.profile),
        ("device", _device(each) or "-"),
        ("key", document.key),
        ("key usage", ", ".join(document.key_usage)),
        ("purposes", ", ".join(document.extended_key_usage) or "-"),
        ("signature", document.signature_algorithm),
        ("SHA-256", each.fingerprint or ""),
        ("from", document.source),
    ]
    lines = [table(rows), "", account_text(document.account)]
    if document.others:
        lines.append(f"also current: {', '.join(document.others)}")
    return "\n".join(lines)


def pem_text(document: ShowDocument) -> str:
    """Only the PEM."""
    return document.certificate_pem.rstrip("\n")


def export_text(document: ExportDocument) -> str:
    """What was written and what to do with it."""
    lines = [f"wrote {one_line(path)}" for path in document.files]
    lines.insert(
        0, f"{one_line(document.certificate.subject)}  serial {document.certificate.serial}"
    )
    if document.others:
        lines.append(f"the newest was taken; also current: {', '.join(document.others)}")
    if document.certificate.status not in ("valid", "not-yet-valid"):
        lines.append(f"note: this certificate is {document.certificate.status}")
    lines += [f"preflight: {one_line(each.message)}" for each in document.findings]
    return "\n".join(lines + steps_text(document.steps))


def _short(subject: str) -> str:
    """The CN alone where there is one: the whole subject is ``show``'s."""
    parts = re.findall(r"(?:\\.|[^\\,])+", subject)  # a comma inside a value is escaped
    return next((part.strip() for part in parts if part.strip().startswith("CN=")), subject)


def _device(each: CertificateRecord) -> str:
    if each.context is None:
        return each.device or ""
    return f"{each.device or ''} ctx{each.context}".strip()


def _status(document: ShowDocument) -> str:
    each = document.certificate
    if document.status_reason:
        return f"{each.status} since {document.status_since}: {document.status_reason}"
    if each.superseded_by:
        return f"{each.status} (superseded by {each.superseded_by})"
    return each.status
