"""Bad-certificate fixtures as text."""

from __future__ import annotations

from ca.documents.lab import ApplyDocument, FixtureDocument, FixtureListDocument
from cli.terminal import table


def fixtures_text(document: FixtureListDocument) -> str:
    """One line a fixture."""
    rows = [(each.name, each.description, each.peer) for each in document.fixtures]
    return table(rows, head=("fixture", "the certificate", "a correct peer"))


def made_text(document: FixtureDocument) -> str:
    """Where they are, what trusts them, where to note what a device did."""
    rows = [
        (each.name, each.files.fullchain if each.files else "", each.peer)
        for each in document.fixtures
    ]
    return "\n".join(
        [
            f"made from a throw-away CA ({document.ca}) in {document.folder}",
            table(rows, indent="  "),
            f"load into the tested peer's store: {document.trusted_root}",
            f"note what it did in {document.table}",
        ]
    )


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
