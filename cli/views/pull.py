"""The answer of ``pull`` as text."""

from __future__ import annotations

from ca.documents.pull import PullDocument
from cli.terminal import one_line
from cli.views.push import steps_text


def pull_talk(document: PullDocument) -> str:
    """What was done, for stderr: the CSR is what stdout is for."""
    firmware = f", firmware {document.version}" if document.version else ""
    head = f"{document.device} context {document.context} at {document.address}{firmware}"
    lines = [one_line(head), steps_text(document.steps)]
    lines.append(f"the REST interface is {document.interface}")
    if document.dry_run:
        lines.append("nothing was changed: --yes does it")
    else:
        where, device = one_line(document.file or "FILE"), one_line(document.device)
        lines.append(
            f"next: sipca sign {where} --device {device} --context {document.context} --san "
            f"dns:NAME --out DIR, then sipca push {device}"
        )
    return "\n".join(lines)


def pull_text(document: PullDocument) -> str:
    """The CSR, unless it is in a file."""
    if document.csr_pem is None or document.file is not None:
        return ""
    return document.csr_pem.rstrip("\n")
