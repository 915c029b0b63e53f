"""The answer of ``preflight`` as text."""

from __future__ import annotations

from ca.documents.preflight import PreflightDocument
from ca.documents.verdict import Verdict
from cli.terminal import one_line
from cli.views.findings import result_text, with_hints, with_verdict

VERDICTS: dict[Verdict, str] = {
    "ok": "these files can be uploaded",
    "warn": "these files can be uploaded; look at the above first",
    "fail": "do not upload these files",
}


def preflight_text(document: PreflightDocument) -> str:
    """The findings, each with its basis, and the verdict in words."""
    lines = [
        f"{result_text(finding, width=5)} {one_line(finding.message)}  [{finding.basis}]"
        for finding in document.findings
    ]
    text = with_hints(lines, document.findings, "      ")
    return with_verdict(text, document.verdict, VERDICTS)
