"""The answer of ``status`` as text."""

from __future__ import annotations

from ca.documents.status import StatusDocument
from cli.terminal import one_line
from cli.views.ca import cas_text


def status_text(document: StatusDocument) -> str:
    """Which CA, what it holds, the head of the chain."""
    held = ", ".join(f"{count} {status}" for status, count in document.certificates.items())
    return "\n".join(
        [
            f"{one_line(document.ca)} in {one_line(document.home)}",
            cas_text(document.cas),
            f"base URL: {document.base_url or 'none'}    target: {document.target}",
            f"certificates: {held or 'none yet'}",
            f"audit trail: {document.audit_events} events, head {document.audit_head}",
        ]
    )
