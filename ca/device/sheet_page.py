"""The upload sheet as an HTML page, made to be printed on one sheet of A4."""

from __future__ import annotations

from html import escape

from ca.device.sheet import (
    Part,
    Sheet,
    SheetRow,
    context_text,
    name_of,
    notes,
    parts,
    thumbprints,
)
from ca.names.text import printable

_STYLE = """
@page { margin: 14mm 12mm; }
body { font: 11pt/1.35 system-ui, sans-serif; max-width: 60em; margin: 1.5em auto; padding: 0 1em; }
h1 { font-size: 1.1em; font-weight: normal; margin: 0; }
h2 { font-size: 1em; margin: .8em 0 .1em; }
.where { font-size: 1.9em; font-weight: bold; line-height: 1.15; margin: .1em 0;
  overflow-wrap: anywhere; }
.facts, .notes { margin: .1em 0; }
table { border-collapse: collapse; width: 99.5%; table-layout: fixed; }
td { border: 1px solid #999; padding: .15em .4em; text-align: left; vertical-align: top; }
td:first-child { width: 26%; overflow-wrap: anywhere; }
code { font-size: .85em; overflow-wrap: anywhere; }
ol, ul { margin: 0; padding-left: 2.2em; }
ol.todo li::before { content: "\\2610\\00a0"; }
.else { color: #444; display: block; }
.else::before { content: "if not: "; font-weight: bold; }
.fail { color: #b00020; } .warn { color: #8a5a00; }
@media print {
  body { font-size: 8.3pt; line-height: 1.22; margin: 0; padding: 0; max-width: none; }
  h2 { break-after: avoid; margin-top: .5em; } tr { break-inside: avoid; }
  code { font-size: 5.9pt; }
}
"""


def as_html(sheet: Sheet) -> str:
    """The page, without scripts and external parts, all text escaped."""
    findings = "".join(
        f'<li class="{each.result}">{_safe(each.message)} [{each.basis}]</li>'
        for each in sheet.findings
    )
    told = "".join(f"<li>{_safe(each)}</li>" for each in notes(sheet))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{_safe(sheet.title)}</title><style>{_STYLE}</style></head><body>\n"
        f"{_head(sheet)}"
        f"{''.join(map(_html_part, parts(sheet)))}"
        "<h2>Files, and what to compare</h2><table>"
        f"{''.join(_html_row(row) for row in sheet.rows)}</table>\n"
        + (f'<h2>Notes</h2><ul class="notes">{told}</ul>\n' if told else "")
        + f"<h2>Preflight</h2><ul>{findings or '<li>these files can be uploaded</li>'}</ul>\n"
        "</body></html>\n"
    )


def _head(sheet: Sheet) -> str:
    context = context_text(sheet).removeprefix(", ")
    where = " &middot; ".join(_safe(each) for each in (sheet.address, sheet.host, context) if each)
    facts = (sheet.place.target.description, f"CA {sheet.ca}", f"{sheet.made_at:%Y-%m-%d %H:%M}Z")
    return (
        f'<h1>{_safe(sheet.title)}</h1>\n<p class="where">{where}</p>\n'
        f'<p class="facts">{" &middot; ".join(map(_safe, facts))}</p>\n'
    )


def _html_part(part: Part) -> str:
    items = "".join(
        f"<li>{_safe(step.text)}"
        + (f' <span class="else">{_safe(step.otherwise)}</span>' if step.otherwise else "")
        + "</li>"
        for step in part.steps
    )
    return f'<h2>{_safe(part.heading)}</h2><ol class="todo">{items}</ol>\n'


def _html_row(row: SheetRow) -> str:
    cells = []
    for facts in row.certificates:
        prints = "<br>".join(f"{name} <code>{digits}</code>" for name, digits in thumbprints(facts))
        cells.append(
            f"<td>{_safe(name_of(facts))}, until {facts.validity.not_after:%Y-%m-%d}, serial "
            f"<code>{facts.serial}</code><br>{prints}</td>"
        )
    first = (
        f'<td rowspan="{max(1, len(cells))}"><b>{_safe(row.name)}</b><br>{_safe(row.purpose)}</td>'
    )
    rest = cells or [f"<td>SHA-256 of the file <code>{row.sha256}</code></td>"]
    return "".join(
        f"<tr>{first if number == 0 else ''}{cell}</tr>" for number, cell in enumerate(rest)
    )


def _safe(text: str) -> str:
    return escape(printable(text, limit=2000))
