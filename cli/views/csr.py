"""The answer of ``csr show`` as text."""

from __future__ import annotations

from collections.abc import Sequence

from ca.documents.csr import RequestDocument
from ca.model.findings import Finding
from cli.terminal import table
from cli.views.account import account_text
from cli.views.device import crib_text
from cli.views.findings import findings_text


def request_text(document: RequestDocument, *, whole: bool = False) -> str:
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
        lines.append(findings_text(_said_once(document.findings)))
    if document.account:
        lines += [
            f"by profile {document.profile} it would be issued as:",
            account_text(document.account, whole=whole),
        ]
    if document.crib is not None and document.crib.lines:
        lines += ["", "what to type instead, for a new CSR:", crib_text(document.crib)]
    return "\n".join(lines)


def _said_once(findings: Sequence[Finding]) -> list[Finding]:
    """Findings without a second one that says the same in the same words."""
    said: dict[str, Finding] = {}
    for each in findings:
        said.setdefault(each.message, each)
    return list(said.values())
