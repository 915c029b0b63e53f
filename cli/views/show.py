"""The answer of ``show`` as text."""

from __future__ import annotations

from ca.documents.show import ShowDocument
from cli.terminal import table
from cli.views.account import account_text
from cli.views.list import _device, _status


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
        ("device", _device(each) or "-"),
        ("key", document.key),
        ("key usage", ", ".join(document.key_usage)),
        ("purposes", ", ".join(document.extended_key_usage) or "-"),
        ("signature", document.signature_algorithm),
        ("SHA-256", each.fingerprint or ""),
        ("from", document.source),
    ]
    lines = [table(rows), "", account_text(document.account)]
    if document.others:
        lines.append(f"also current: {', '.join(document.others)}")
    return "\n".join(lines)


def pem_text(document: ShowDocument) -> str:
    """Only the PEM."""
    return document.certificate_pem.rstrip("\n")
