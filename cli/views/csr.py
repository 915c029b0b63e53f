"""The answer of ``csr show`` as text."""

from __future__ import annotations

from ca.documents.csr import RequestDocument
from cli.terminal import table
from cli.views.account import account_text
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
        lines.append(findings_text(document.findings))
    if document.account:
        lines += [
            f"by profile {document.profile} it would be issued as:",
            account_text(document.account, whole=whole),
        ]
    return "\n".join(lines)
