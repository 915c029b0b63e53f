"""The answer of ``export`` as text."""

from __future__ import annotations

from ca.documents.export import ExportDocument
from cli.terminal import one_line
from cli.views.files import wrote
from cli.views.server import server_lines
from cli.views.sign import steps_text


def export_text(document: ExportDocument) -> str:
    """What was written and what to do with it."""
    server = document.server
    lines = [f"{one_line(document.certificate.subject)}  serial {document.certificate.serial}"]
    if server is None:
        there = set(document.unchanged)
        lines += [wrote(path, unchanged=path in there) for path in document.files]
    if document.others:
        lines.append(f"the newest was taken; also current: {', '.join(document.others)}")
    if document.certificate.status not in ("valid", "not-yet-valid"):
        lines.append(f"note: this certificate is {document.certificate.status}")
    lines += [f"preflight: {one_line(each.message)}" for each in document.findings]
    lines += [] if server is None else server_lines(server)
    return "\n".join(lines + steps_text(document.steps))
