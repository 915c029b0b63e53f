"""The answer of ``show`` as text."""

from __future__ import annotations

from ca.documents.show import ShowDocument
from cli.terminal import table, verbatim
from cli.views.account import account_text
from cli.views.list import device_text


def show_text(document: ShowDocument) -> str:
    """Everything about one certificate, the account last."""
    each = document.certificate
    rows = [
        ("subject", each.subject),
        ("SAN", ", ".join(each.san) or "none"),
        ("serial", each.serial),
        ("issuer", each.issuer),
        ("valid", f"{each.not_before:%Y-%m-%d %H:%M}Z to {each.not_after:%Y-%m-%d %H:%M}Z"),
        ("status", _status(document)),
        ("profile", each.profile),
        ("device", device_text(each) or "-"),
        ("key", document.key),
        ("key usage", ", ".join(document.key_usage)),
        ("purposes", ", ".join(document.extended_key_usage) or "-"),
        ("signature", document.signature_algorithm),
        ("SHA-256", each.fingerprint or ""),
        ("from", document.source),
    ]
    lines = [table(rows), "", account_text(document.account, whole=True)]
    if document.others:
        lines.append(f"also current: {', '.join(document.others)}")
    return "\n".join(lines)


def pem_text(document: ShowDocument) -> str:
    """Only the PEM."""
    return verbatim(document.certificate_pem.rstrip("\n"))


def _status(document: ShowDocument) -> str:
    each = document.certificate
    if document.status_reason:
        return f"{each.status} since {document.status_since}: {document.status_reason}"
    if each.superseded_by:
        return f"{each.status} (superseded by {each.superseded_by})"
    return each.status
