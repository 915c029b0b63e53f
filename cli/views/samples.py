"""Sample requests as text."""

from __future__ import annotations

from ca.documents.samples import SamplesDocument
from cli.terminal import table


def samples_text(document: SamplesDocument) -> str:
    """One line a sample, then where to read on and what to try."""
    rows = [(each.path, each.shows) for each in document.samples]
    return "\n".join(
        [
            table(rows, head=("sample", "what it shows")),
            f"what sipca does with each: {document.readme}",
            f"next: sipca csr show {document.samples[0].path}",
        ]
    )
