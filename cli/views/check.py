"""The answer of ``check`` as text."""

from __future__ import annotations

from ca.documents.check import CheckDocument
from ca.documents.verdict import Verdict
from cli.terminal import table_rows
from cli.views.findings import result_text, with_hints, with_verdict

VERDICTS: dict[Verdict, str] = {
    "ok": "all is well",
    "warn": "look at the above",
    "fail": "something must be done",
}


def check_text(document: CheckDocument) -> str:
    """The findings with their codes, and the verdict in words."""
    rows = [(result_text(finding), finding.code, finding.message) for finding in document.findings]
    text = with_hints(table_rows(rows), document.findings, "        ")
    return with_verdict(text, document.verdict, VERDICTS)
