"""The answer of ``check`` as text."""

from __future__ import annotations

from collections.abc import Sequence

from ca.documents.check import CheckDocument
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


def check_text(document: CheckDocument) -> str:
    """The findings, and the verdict in words."""
    text = findings_text(document.findings)
    verdict = {"ok": "all is well", "warn": "look at the above", "fail": "something must be done"}
    return f"{text}\n{verdict[document.verdict]}" if text else verdict[document.verdict]
