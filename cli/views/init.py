"""The answer of ``init`` as text."""

from __future__ import annotations

from ca.documents.init import InitDocument
from cli.terminal import one_line, prose
from cli.views.ca import cas_text


def init_text(document: InitDocument) -> str:
    """What was made, where, until when, what to do next."""
    verb = "made" if document.created else "already there"
    lines = [
        f"{verb}: {one_line(document.ca)} in {one_line(document.home)}",
        cas_text(document.cas),
    ]
    if document.base_url:
        lines.append(f"certificates will point to {document.base_url}")
    elif document.created:
        lines.append(
            prose(
                "certificates will name no OCSP or CRL address. If they should: sipca ca set "
                "--base-url URL, before you sign; what was signed earlier never names it"
            )
        )
    if document.created and document.cas[0].key_protection == "passphrase":
        lines.append(
            "keep the passphrase: without it nothing can be signed, and nobody can recover it"
        )
    lines.append("next: sipca sign DEVICE.csr --out DIR")
    return "\n".join(lines)
