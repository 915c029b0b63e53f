"""The answers of ``rule ...`` as text."""

from __future__ import annotations

from ca.documents.rule import RuleDocument
from cli.terminal import table


def rules_text(document: RuleDocument) -> str:
    """One line a rule."""
    rows = [
        (each.code, each.severity, "--allow" if each.allow else "", each.meaning, each.cites)
        for each in document.rules
    ]
    return table(rows, head=("code", "severity", "override", "meaning", "source"))
