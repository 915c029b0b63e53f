"""The answer of ``apply`` as text."""

from __future__ import annotations

from ca.documents.apply import ApplyDocument
from cli.terminal import table


def applied_text(document: ApplyDocument) -> str:
    """One line a thing, then whether anything was to do."""
    rows = [(each.state, each.what, each.name, each.detail or "") for each in document.steps]
    if document.refused:
        last = f"refused {len(document.refused)}: the lab is not as the file says"
    elif document.converged:
        last = "nothing to do: the lab is as the file says"
    else:
        last = (
            "the lab is not as the file says"
            if document.check
            else "now the lab is as the file says"
        )
    return f"{table(rows)}\n{last}"
