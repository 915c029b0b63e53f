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
    addresses: tuple[str, ...]
    way: tuple[str, ...]
    before: tuple[str, ...]
    steps: tuple[str, ...]
    otherwise: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    findings: tuple[Finding, ...]


def checks(sheet: Sheet) -> list[str]:
    """What to know and to look at after the upload."""
    pages, target = sheet.target.pages, sheet.target
    notes = [
        f"{pages.trust}: every certificate below is listed, with the thumbprints below",
    ]
    if target.rest.trusted_root and target.rest.trusted_root_replaces:
        path = fill(target.rest.trusted_root, {"context": str(sheet.context or 0)})
        notes.append(
            f"by REST, PUT {path} replaces the whole store: add again what was in it before"
        )
    if target.alarm.start_days:
        notes.append(
            f"the expiry alarm starts {target.alarm.start_days} d before expiry "
            f"({target.alarm.basis})"
        )
    return notes


def thumbprints(facts: CertificateFacts) -> list[tuple[str, str]]:
    """Name and hex digits of each thumbprint that a page or a caller may name."""
    return [
        (name.upper().replace("SHA", "SHA-"), _grouped(_HASHES[name](facts.der)))
        for name in _HASHES
    ]


def as_text(sheet: Sheet) -> str:
    """The sheet as plain ASCII text."""
    lines = [
        sheet.title,
        "=" * len(sheet.title),
        f"device   {sheet.device}" + _context(sheet),
        f"address  {', '.join(sheet.addresses) or 'not registered'}",
        f"target   {sheet.target.description}",
        f"CA       {sheet.ca}",
        f"created  {sheet.made_at:%Y-%m-%d %H:%M}Z",
        "",
        *(f"Go to: {each}" for each in sheet.way),
        "Before anything else:",
        *(f"  - {each}" for each in sheet.before),
        "",
        "Steps, in this order:",
        *_numbered(sheet),
        "",
        "Afterwards:",
        *(f"  - {each}" for each in checks(sheet)),
        "",
        "Files:",
    ]
    for row in sheet.rows:
        lines += [f"  {row.name}: {row.purpose}", f"    file SHA-256  {row.sha256}"]
        for facts in row.certificates:
            lines.append(f"    {_name(facts)}, until {facts.validity.not_after:%Y-%m-%d}")
            lines.append(f"      serial   {facts.serial}")
            lines += [f"      {name:<8} {digits}" for name, digits in thumbprints(facts)]
    lines += ["", "Preflight:"]
    lines += [f"  {each.result}: {each.message} [{each.basis}]" for each in sheet.findings] or [
        "  these files can be uploaded"
    ]
    return "\n".join(printable(line, limit=2000) for line in lines) + "\n"


_STYLE = """
@page { margin: 9mm; }
body { font: 10pt/1.25 system-ui, sans-serif; max-width: 60em; margin: 1em auto; padding: 0 1em; }
h1, .address { font-size: 17pt; font-weight: bold; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05em; margin: .6em 0 .1em; } p, ul, ol { margin-top: .1em; margin-bottom: .2em; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
td, th { border: 1px solid #999; padding: .15em .3em; text-align: left; vertical-align: top; }
td, code { overflow-wrap: anywhere; } code { font-size: 7pt; }
.fail { color: #b00020; } .warn { color: #8a5a00; }
th:nth-child(1) { width: 27%; } th:nth-child(2) { width: 17%; }
@media print { body { margin: 0; padding: 0; font-size: 8pt; max-width: none; }
  h2 { break-after: avoid; } }
"""


def as_html(sheet: Sheet) -> str:
    """The sheet as an HTML page to print, without scripts and external parts, all text escaped."""
    rows = "".join(_html_row(row) for row in sheet.rows)
    findings = "".join(
        f'<li class="{each.result}">{_safe(each.message)} [{each.basis}]</li>'
        for each in sheet.findings
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{_safe(sheet.title)}</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>{_safe(sheet.device + _context(sheet))}</h1>\n"
        f'<p class="address">{_safe(", ".join(sheet.addresses) or "no address registered")}</p>'
        f"<p>{_safe(sheet.title)} &middot; {_safe(sheet.target.description)} &middot; "
        f"CA {_safe(sheet.ca)} &middot; {sheet.made_at:%Y-%m-%d %H:%M}Z</p>\n"
        + "".join(f"<p>Go to: <b>{_safe(each)}</b></p>" for each in sheet.way)
        + f"<h2>Before anything else</h2><ul>{_items(sheet.before)}</ul>\n"
        f"<h2>Steps, in this order</h2><ol>{_steps_html(sheet)}</ol>\n"
        f"<h2>Afterwards</h2><ul>{_items(checks(sheet))}</ul>\n"
        "<h2>Files</h2><table><tr><th>file</th><th>certificate</th><th>serial and thumbprints"
        f"</th></tr>{rows}</table>\n<h2>Preflight</h2>"
        f"<ul>{findings or '<li>these files can be uploaded</li>'}</ul>\n"
        "</body></html>\n"
    )


def _html_row(row: SheetRow) -> str:
    cells = []
    if len(row.certificates) > 1:  # their thumbprints stand beside the single files
        held = "; ".join(map(_name, row.certificates))
        cells.append(f"<td>{_safe(held)}</td><td>thumbprints below, file by file</td>")
    for facts in row.certificates if not cells else ():
        prints = "<br>".join(f"{name} <code>{digits}</code>" for name, digits in thumbprints(facts))
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


def _numbered(sheet: Sheet) -> list[str]:
    lines = []
    for number, (step, otherwise) in enumerate(zip(sheet.steps, sheet.otherwise, strict=True), 1):
        lines.append(f"  {number}. {step}")
        if otherwise:
            lines.append(f"     if it does not: {otherwise}")
    return lines


def _steps_html(sheet: Sheet) -> str:
    return "".join(
        f"<li>{_safe(step)}"
        + (f"<br><i>if it does not: {_safe(otherwise)}</i>" if otherwise else "")
        + "</li>"
        for step, otherwise in zip(sheet.steps, sheet.otherwise, strict=True)
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
