"""The answer of ``backup`` as text."""

from __future__ import annotations

from ca.documents.backup import BackupDocument, NewestCertificate
from cli.terminal import one_line, table


def backup_text(document: BackupDocument) -> str:
    """What the file holds, and the next step."""
    verb = "whole" if document.verified else "written"
    rows = [
        ("file", one_line(document.file)),
        ("sha256", document.sha256),
        ("CA", one_line(document.ca)),
        ("made", f"{document.made_at:%Y-%m-%d %H:%M} UTC"),
        ("certificates", str(document.certificates)),
        ("newest", newest_text(document.newest)),
        ("CRL number", str(document.crl_number or "none")),
        ("audit head", document.audit_head),
        ("own files", ", ".join(document.files) or "none"),
    ]
    lines = [f"{verb}:", table(rows, indent="  ")]
    if not document.verified:
        lines.append(f"read it back: sipca backup {one_line(document.file)} --verify")
    return "\n".join(lines)


def newest_text(newest: NewestCertificate | None) -> str:
    """The certificate signed last, in a few words."""
    return f"{newest.serial}, valid from {newest.not_before:%Y-%m-%d}" if newest else "none"
