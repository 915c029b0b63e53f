"""Sample requests as text."""

from __future__ import annotations

from ca.documents.samples import SamplesDocument
from cli.terminal import one_line, table


def samples_text(document: SamplesDocument) -> str:
    """One line a sample, then where to read on and what to try."""
    rows = [(each.path, each.shows) for each in document.samples]
    count, there = len(rows) + 1, len(document.unchanged)
    return "\n".join(
        [
            table(rows, head=("sample", "what it shows")),
            f"wrote {count - there} files in {one_line(document.folder)}, {there} there already",
            f"what sipca does with each: {document.readme}",
            f"next: sipca csr show {document.samples[0].path}",
        ]
    )
