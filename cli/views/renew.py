"""The answer of ``renew`` as text."""

from __future__ import annotations

from collections.abc import Sequence

from ca.documents.renew import RenewDocument
from cli.terminal import one_line
from cli.views.server import server_lines
from cli.views.sign import batch_text, rows_text

KEY_NOTE = (
    "each is for the key that the device had: where it has made a new key since, the new "
    "certificate is useless, and a new CSR is needed"
)


def renewed_text(
    document: RenewDocument, steps: Sequence[str], left: Sequence[str], ahead: str | None = None
) -> str:
    """What was renewed, what it supersedes, what was not renewed, what to do next.

    ``left``: what the upload does not settle. ``ahead``: what is due next, if nothing is now.
    """
    by_devices = [
        f"left to its device, which renews it by SCEP: {one_line(each)} (name it to renew it here)"
        for each in document.by_devices
    ]
    if not (document.signed or document.skipped or document.refused):
        nothing = "nothing is due" + (f"; next: {one_line(ahead)}" if ahead else "")
        return "\n".join([*by_devices, nothing])
    entries = [*document.signed, *document.skipped]
    done = "would renew" if document.dry_run else "signed"
    lines = [*by_devices, *([rows_text(entries, done=done)] if entries else [])]
    for each in document.signed:
        lines += [] if each.server is None else server_lines(each.server)
    if any(not each.source.startswith("issue ") for each in document.signed):
        lines.append(KEY_NOTE)
    counts = {"signed": len(document.signed), "skipped": len(document.skipped)}
    lines.append(batch_text(document, steps, **counts, done=done))
    return "\n".join([*lines, *map(one_line, left)])
