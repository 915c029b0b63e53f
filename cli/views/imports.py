"""The answer of ``import`` as text."""

from __future__ import annotations

from collections import Counter

from ca.documents.imports import ImportDocument
from cli.terminal import one_line, table
from cli.views.ca import cas_text

SHOWN = 40


def import_text(document: ImportDocument) -> str:
    """Which CA, which certificates in which state, what was refused, what to do next."""
    verb = "would import" if document.dry_run else "imported"
    into = "made" if document.created else "added to"
    lines = [f"{into}: {one_line(document.ca)} in {one_line(document.home)}"]
    if document.dry_run:
        lines = [f"a dry run, nothing is changed: {one_line(document.ca)}"]
    if document.created or document.dry_run:
        lines.append(cas_text(document.cas))
    counts = Counter(each.status for each in document.imported)
    named = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    lines.append(
        f"{verb}: {len(document.imported)} certificates" + (f" ({named})" if named else "")
    )
    if document.known:
        lines.append(f"already there: {document.known}")
    rows = [
        (each.status, each.serial, one_line(each.subject), f"until {each.not_after:%Y-%m-%d}")
        for each in document.imported[:SHOWN]
    ]
    if rows:
        lines.append(table(rows, indent="  "))
    if len(document.imported) > SHOWN:
        lines.append(f"  and {len(document.imported) - SHOWN} more: sipca list --all")
    lines += _remarks(document)
    for refused in document.refused:
        code = f" [{refused.rule}]" if refused.rule else ""
        lines.append(f"refused: {one_line(refused.source)}: {one_line(refused.message)}{code}")
        if refused.hint:
            lines.append(f"  hint: {one_line(refused.hint)}")
    if document.created and not document.dry_run:
        lines.append(
            "from now on sign here alone: the CA's key files in the other place can still sign, so "
            "move them away"
        )
        lines.append("next: sipca check; then sipca sign DEVICE.csr --out DIR")
    return "\n".join(lines)


def _remarks(document: ImportDocument) -> list[str]:
    """What is odd or weak about which certificate; of very many the first."""
    remarks = [
        f"  {each.serial}: {one_line(remark)}"
        for each in document.imported
        for remark in each.remarks
    ]
    left = len(remarks) - SHOWN
    return remarks if left <= 0 else [*remarks[:SHOWN], f"  and {left} more remarks: --json"]
