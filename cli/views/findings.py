"""Findings and verdicts as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cli.terminal import one_line, table

if TYPE_CHECKING:  # signing shows findings, and loads no other answers for it
    from ca.documents.revocation import CheckDocument
    from ca.model.findings import Finding

_REMARKS = {"warn": "warning", "fail": "REFUSED", "pass": "note", "unknown": "unknown"}
_RESULTS = {"pass": "ok", "warn": "WARN", "fail": "FAIL", "unknown": "?"}


def findings_text(findings: Sequence[Finding]) -> str:
    """What is remarked beside an answer: one line a finding, and its hint."""
    lines = []
    for finding in findings:
        basis = "" if finding.basis == "standard" else f" [{finding.basis}]"
        mark = _REMARKS[finding.result]
        lines.append(f"{mark}: {one_line(finding.message)} ({finding.code}){basis}")
    return _with_hints(lines, findings, "  hint: ")


def preflight_text(document: CheckDocument) -> str:
    """The findings, each with its basis, and the verdict in words."""
    lines = [
        f"{_RESULTS[finding.result]:<5} {one_line(finding.message)}  [{finding.basis}]"
        for finding in document.findings
    ]
    verdict = {
        "ok": "nothing stands against uploading these files",
        "warn": "these files can be uploaded; look at the above first",
        "fail": "do not upload these files",
    }
    return _judged(lines, document, "      ", verdict)


def check_text(document: CheckDocument) -> str:
    """The findings with their codes, and the verdict in words."""
    rows = [
        (_RESULTS[finding.result], finding.code, finding.message) for finding in document.findings
    ]
    verdict = {"ok": "all is well", "warn": "look at the above", "fail": "something must be done"}
    return _judged(table(rows).splitlines(), document, "        ", verdict)


def _judged(
    lines: Sequence[str], document: CheckDocument, lead: str, verdict: Mapping[str, str]
) -> str:
    text = _with_hints(lines, document.findings, lead)
    return f"{text}\n{verdict[document.verdict]}" if text else verdict[document.verdict]


def _with_hints(lines: Sequence[str], findings: Sequence[Finding], lead: str) -> str:
    """Each finding's line, and its next step below it."""
    shown = []
    for line, finding in zip(lines, findings, strict=True):
        shown.append(line)
        if finding.hint:
            shown.append(lead + one_line(finding.hint))
    return "\n".join(shown)
