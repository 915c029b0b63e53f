"""The answer of ``preflight`` as text."""

from __future__ import annotations

from ca.documents.preflight import PreflightDocument
from cli.terminal import one_line
from cli.views.check import _SHOWN


def preflight_text(document: PreflightDocument) -> str:
    """The findings, each with its basis, and the verdict in words."""
    lines = []
    for each in document.findings:
        lines.append(f"{_SHOWN[each.result]:<5} {one_line(each.message)}  [{each.basis}]")
        if each.hint:
            lines.append(f"      {one_line(each.hint)}")
    verdict = {
        "ok": "nothing stands against uploading these files",
        "warn": "these files can be uploaded; look at the above first",
        "fail": "do not upload these files",
    }
    return "\n".join([*lines, verdict[document.verdict]])
