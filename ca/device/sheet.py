"""The upload sheet, as text and HTML: which file goes where, in which order, what to compare."""

from __future__ import annotations

from datetime import datetime
from hashlib import md5, sha1, sha256
from html import escape

import msgspec

from ca.model.certificates import CertificateFacts
from ca.model.findings import Finding
from ca.names.text import printable
from ca.profiles.patterns import fill
from ca.profiles.target import Target

_HASHES = {
    "sha256": lambda der: sha256(der).hexdigest(),
    "sha1": lambda der: sha1(der, usedforsecurity=False).hexdigest(),
    "md5": lambda der: md5(der, usedforsecurity=False).hexdigest(),
}


class SheetRow(msgspec.Struct, frozen=True):
    """One file: its purpose, its certificates, and the SHA-256 of the file in hex."""

    name: str
    purpose: str
    certificates: tuple[CertificateFacts, ...]
    sha256: str


class Sheet(msgspec.Struct, frozen=True):
    """Everything that a sheet shows."""

    title: str
    ca: str
    device: str
    context: int | None
    target: Target
    made_at: datetime
    steps: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    findings: tuple[Finding, ...]


def checks(sheet: Sheet) -> list[str]:
    """What the operator must check after the upload."""
    pages, target = sheet.target.pages, sheet.target
    checklist = [
        f"{pages.status}: the private key status says OK",
        f"{pages.trust}: every certificate below is listed, with the thumbprints below",
        "the configuration is saved: without it a restart brings the old certificate back",
    ]
    if target.rest.trusted_root and target.rest.trusted_root_replaces:
        path = fill(target.rest.trusted_root, {"context": str(sheet.context or 0)})
        checklist.append(
            f"by REST, PUT {path} replaces the whole store: add again what was in it before"
        )
    if target.alarm.start_days:
        checklist.append(
            f"the expiry alarm starts {target.alarm.start_days} d before expiry "
            f"({target.alarm.basis})"
        )
    if target.trust.several_in_one == "unknown":
        checklist.append(
            "it is not known whether the page takes several certificates from one file: if not, "
            "import trusted-1-root.pem and trusted-2-issuing.pem one by one"
        )
    return checklist


def thumbprints(sheet: Sheet, facts: CertificateFacts) -> list[tuple[str, str]]:
    """Name and hex digits of each thumbprint that the target's pages or manuals use."""
    return [
        (name.upper().replace("SHA", "SHA-"), _grouped(_HASHES[name](facts.der)))
        for name in sheet.target.trust.thumbprints
    ]


def as_text(sheet: Sheet) -> str:
    """The sheet as plain ASCII text."""
    lines = [
        sheet.title,
        "=" * len(sheet.title),
        f"device   {sheet.device}" + _context(sheet),
        f"target   {sheet.target.description}",
        f"CA       {sheet.ca}",
        f"created  {sheet.made_at:%Y-%m-%d %H:%M}Z",
        "",
        "Steps, in this order:",
        *(f"  {number}. {step}" for number, step in enumerate(sheet.steps, 1)),
        "",
        "Afterwards:",
        *(f"  [ ] {each}" for each in checks(sheet)),
        "",
        "Files:",
    ]
    for row in sheet.rows:
        lines += [f"  {row.name}: {row.purpose}", f"    file SHA-256  {row.sha256}"]
        for facts in row.certificates:
            lines.append(f"    {_name(facts)}, until {facts.validity.not_after:%Y-%m-%d}")
            lines.append(f"      serial   {facts.serial}")
            lines += [f"      {name:<8} {digits}" for name, digits in thumbprints(sheet, facts)]
    lines += ["", "Preflight:"]
    lines += [f"  {each.result}: {each.message} [{each.basis}]" for each in sheet.findings] or [
        "  these files can be uploaded"
    ]
    return "\n".join(printable(line, limit=2000) for line in lines) + "\n"


_STYLE = """
body { font: 11pt/1.4 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.1em; margin-top: 1.6em; }
table { border-collapse: collapse; width: 100%; }
td, th { border: 1px solid #999; padding: .3em .5em; text-align: left; vertical-align: top; }
code { font-size: 9pt; overflow-wrap: anywhere; }
ul.checks { list-style: none; padding-left: 0; } ul.checks li::before { content: "\\2610\\00a0"; }
.fail { color: #b00020; } .warn { color: #8a5a00; }
@media print { body { margin: 0; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""


def as_html(sheet: Sheet) -> str:
    """The sheet as an HTML page to print, without scripts and external parts, all text escaped."""
    rows = "".join(_html_row(sheet, row) for row in sheet.rows)
    findings = "".join(
        f'<li class="{each.result}">{_safe(each.message)} [{each.basis}]</li>'
        for each in sheet.findings
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{_safe(sheet.title)}</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>{_safe(sheet.title)}</h1>\n<p>{_safe(sheet.device + _context(sheet))} &middot; "
        f"{_safe(sheet.target.description)} &middot; CA {_safe(sheet.ca)} &middot; "
        f"{sheet.made_at:%Y-%m-%d %H:%M}Z</p>\n"
        f"<h2>Steps, in this order</h2><ol>{_items(sheet.steps)}</ol>\n"
        f'<h2>Afterwards</h2><ul class="checks">{_items(checks(sheet))}</ul>\n'
        "<h2>Files</h2><table><tr><th>file</th><th>certificate</th><th>serial and thumbprints"
        f"</th></tr>{rows}</table>\n<h2>Preflight</h2>"
        f"<ul>{findings or '<li>these files can be uploaded</li>'}</ul>\n"
        "</body></html>\n"
    )


def _html_row(sheet: Sheet, row: SheetRow) -> str:
    cells = []
    for facts in row.certificates:
        prints = "<br>".join(
            f"{name} <code>{digits}</code>" for name, digits in thumbprints(sheet, facts)
        )
        cells.append(
            f"<td>{_safe(_name(facts))}<br>until {facts.validity.not_after:%Y-%m-%d}</td>"
            f"<td><code>{facts.serial}</code><br>{prints}</td>"
        )
    first = (
        f'<td rowspan="{len(cells)}"><b>{_safe(row.name)}</b><br>{_safe(row.purpose)}<br>'
        f"file SHA-256 <code>{row.sha256}</code></td>"
    )
    return "".join(
        f"<tr>{first if number == 0 else ''}{cell}</tr>" for number, cell in enumerate(cells)
    )


def _items(texts: tuple[str, ...] | list[str]) -> str:
    return "".join(f"<li>{_safe(each)}</li>" for each in texts)


def _safe(text: str) -> str:
    return escape(printable(text, limit=2000))


def _name(facts: CertificateFacts) -> str:
    return facts.cn or ", ".join(map(str, facts.subject)) or facts.serial


def _context(sheet: Sheet) -> str:
    return "" if sheet.context is None else f", TLS context {sheet.context}"


def _grouped(digits: str) -> str:
    return ":".join(digits[start : start + 2] for start in range(0, len(digits), 2))
