"""The answers of ``rule ...`` as text."""

from __future__ import annotations

from ca.documents.rule import RuleDocument, RuleShowDocument
from cli.terminal import table


def rules_text(document: RuleDocument) -> str:
    """One line a rule."""
    rows = [
        (each.code, each.severity, "--allow" if each.allow else "", each.meaning, each.cites)
        for each in document.rules
    ]
    head = ("code", "severity", "override", "meaning", "source")
    return table(rows, head=head, drop=("source", "override"))


def rule_text(document: RuleShowDocument) -> str:
    """What the rule demands, its good and bad case, and a line for each citation."""
    override = f"--allow {document.code}" if document.allow else "cannot be overridden"
    rows = [
        ("rule", document.code),
        ("holds", document.meaning),
        ("good", document.good),
        ("bad", document.bad),
        ("severity", document.severity),
        ("override", override),
        ("basis", document.basis),
    ]
    rows += [("cites", f"{each.cite}: {each.title} ({each.where})") for each in document.citations]
    return table(rows)
