"""The account and findings as text."""

from __future__ import annotations

from collections.abc import Sequence

from ca.model.account import FieldAccount
from ca.model.findings import Finding
from cli.terminal import one_line, table

MARKS = {"warn": "warning", "fail": "REFUSED", "pass": "note", "unknown": "unknown"}
CELL = 60


def account_text(account: Sequence[FieldAccount]) -> str:
    """One line a field: asked, issued, how, rule."""
    rows = [
        (line.field, _cell(line.asked), _cell(line.issued), line.how, line.rule) for line in account
    ]
    return table(rows, head=("field", "asked", "issued", "how", "rule"), indent="  ")


def findings_text(findings: Sequence[Finding]) -> str:
    """One line a finding, and its hint."""
    lines = []
    for each in findings:
        basis = "" if each.basis == "standard" else f" [{each.basis}]"
        lines.append(f"{MARKS[each.result]}: {one_line(each.message)} ({each.code}){basis}")
        if each.hint:
            lines.append(f"  hint: {one_line(each.hint)}")
    return "\n".join(lines)


def _cell(text: str | None) -> str:
    if text is None:
        return "-"
    return text if len(text) <= CELL else text[: CELL - 1] + "…"
