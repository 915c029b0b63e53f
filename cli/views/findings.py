"""Findings and verdicts as text."""

from __future__ import annotations

from collections.abc import Sequence

from ca.documents.revocation import CheckDocument
from ca.model.findings import Finding
from cli.terminal import one_line, table

_SHOWN = {"pass": "ok", "warn": "WARN", "fail": "FAIL", "unknown": "?"}


def findings_text(findings: Sequence[Finding]) -> str:
    """One line a finding, the next step below it."""
    rows = [(_SHOWN[each.result], each.code, one_line(each.message)) for each in findings]
    lines = table(rows).splitlines()
    shown = []
    for line, each in zip(lines, findings, strict=True):
        shown.append(line)
        if each.hint:
            shown.append(f"        {one_line(each.hint)}")
    return "\n".join(shown)


def preflight_text(document: CheckDocument) -> str:
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


def check_text(document: CheckDocument) -> str:
    """The findings, and the verdict in words."""
    text = findings_text(document.findings)
    verdict = {"ok": "all is well", "warn": "look at the above", "fail": "something must be done"}
    return f"{text}\n{verdict[document.verdict]}" if text else verdict[document.verdict]
