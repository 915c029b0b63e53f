"""Findings as text: added to an answer, or as the answer itself with its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cli.terminal import Meaning, meaning, one_line, prose

if TYPE_CHECKING:
    from ca.documents.verdict import Verdict
    from ca.model.findings import Finding

_MEANINGS: dict[str, Meaning] = {
    "pass": "ok",
    "warn": "warning",
    "fail": "error",
    "unknown": "warning",
}
VERDICT_MEANINGS: dict[str, Meaning] = {"ok": "ok", "warn": "warning", "fail": "error"}
REMARKS = {"warn": "warning", "fail": "REFUSED", "pass": "note", "unknown": "unknown"}
RESULTS = {"pass": "ok", "warn": "WARN", "fail": "FAIL", "unknown": "?"}


def findings_text(findings: Sequence[Finding]) -> str:
    """Findings that accompany an answer: one line for each, and its hint."""
    lines = []
    for finding in findings:
        basis = "" if finding.basis == "standard" else f" [{finding.basis}]"
        mark = meaning(_MEANINGS[finding.result], f"{REMARKS[finding.result]}:")
        if finding.result == "pass":
            mark = f"{REMARKS[finding.result]}:"
        lines.append(f"{mark} {one_line(finding.message)} ({finding.code}){basis}")
    return prose(with_hints(lines, findings, "  hint: "))


def result_text(finding: Finding, *, width: int = 0) -> str:
    """The result of a finding as a word of at least a width, in its colour."""
    return meaning(_MEANINGS[finding.result], f"{RESULTS[finding.result]:<{width}}")


def with_hints(lines: Sequence[str], findings: Sequence[Finding], lead: str) -> str:
    """Each finding's line with its hint below it."""
    shown = []
    for line, finding in zip(lines, findings, strict=True):
        shown.append(line)
        if finding.hint:
            shown.append(lead + one_line(finding.hint))
    return "\n".join(shown)


def with_verdict(text: str, verdict: Verdict, words: Mapping[Verdict, str]) -> str:
    """The findings, and below them the verdict in words."""
    last = meaning(VERDICT_MEANINGS[verdict], words[verdict])
    return f"{text}\n{last}" if text else last
