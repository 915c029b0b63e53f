"""Requests, rules, profiles and targets as text."""

from __future__ import annotations

from ca.documents.reports import (
    NamedRecord,
    ProfileListDocument,
    RequestDocument,
    RuleDocument,
    RuleShowDocument,
    TargetListDocument,
    TextDocument,
    WrittenDocument,
)
from cli.terminal import safe, table
from cli.views.account import account_text, findings_text


def request_text(document: RequestDocument) -> str:
    """What was asked for, the findings, and with a profile the account."""
    rows = [
        ("subject", document.subject or "empty"),
        ("SAN", ", ".join(document.san) or "none"),
        ("key", f"{document.key}  (SHA-256 {document.key_identity[:16]}...)"),
        ("signature", f"{document.signature_algorithm}: {document.proof}"),
    ]
    rows += [
        (f"asks {each.name}", each.value + (" (critical)" if each.critical else ""))
        for each in document.extensions
        if each.name != "subjectAltName"
    ]
    rows += [("attribute", name) for name in document.attributes]
    lines = [table(rows)]
    if document.findings:
        lines.append(findings_text(document.findings))
    if document.account:
        lines += [
            f"by profile {document.profile} it would be issued as:",
            account_text(document.account),
        ]
    return "\n".join(lines)


def rules_text(document: RuleDocument) -> str:
    """One line a rule."""
    rows = [
        (each.code, each.severity, "--allow" if each.allow else "", each.meaning, each.cites)
        for each in document.rules
    ]
    return table(rows, head=("code", "severity", "override", "meaning", "source"))


def rule_text(document: RuleShowDocument) -> str:
    """What holds where the rule is met, its cases, and a line for each citation."""
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


def profiles_text(document: ProfileListDocument) -> str:
    """One line a profile."""
    return _named(document.profiles)


def targets_text(document: TargetListDocument) -> str:
    """One line a target."""
    return _named(document.targets)


def _named(records: list[NamedRecord]) -> str:
    return table([(each.name, each.origin, each.description) for each in records])


def toml_text(document: TextDocument) -> str:
    """The TOML itself."""
    return safe(document.text).rstrip("\n")


def checked_text(document: TextDocument) -> str:
    """That it is a profile, and whether it refuses instead of changing."""
    verbatim = "; verbatim: it refuses what it would change" if document.verbatim else ""
    return f"{document.name} is a profile{verbatim}"


def written_text(document: WrittenDocument) -> str:
    """Where it was written."""
    return f"wrote {document.path}; edit it, then 'sipca profile check {document.path}'"
