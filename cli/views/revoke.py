"""The answer of ``revoke`` and ``release`` as text."""

from __future__ import annotations

from ca.documents.revoke import RevocationDocument
from cli.terminal import one_line, table
from cli.views.crl import crl_line


def revocation_text(document: RevocationDocument) -> str:
    """What changed, which CRLs list it, what is left to do."""
    rows = [
        (each.status, each.serial, one_line(each.device or each.subject), each.reason)
        for each in document.changed
    ]
    lines = [table(rows), "OCSP says so from now on"] if rows else []
    lines += [
        f"already revoked  {each.serial}  {one_line(each.device or each.subject)}"
        for each in document.already
    ]
    for crl in document.crls:
        lines.append(crl_line(crl))
        if crl.pending:
            lines.append(f"  make it: sipca crl --ca {crl.id} --refresh")
    if document.pending:
        lines.append(f"the CRL is pending: {one_line(document.pending)}")
    if document.same_key:
        lines.append("still live with the same key (--all-with-key revokes them too):")
        lines += [f"  {each.serial}  {one_line(each.subject)}" for each in document.same_key]
    if document.older:
        lines.append("superseded earlier, and still valid until they are revoked as well:")
        lines += [
            f"  {each.serial}  {one_line(each.subject)}  until {each.not_after:%Y-%m-%d}: "
            f"sipca revoke {each.serial[:12]} --reason superseded"
            for each in document.older
        ]
    return "\n".join(lines)
