"""The answers of ``fixture ...`` as text."""

from __future__ import annotations

from ca.documents.fixture import FixtureDocument, FixtureListDocument
from cli.terminal import table


def fixtures_text(document: FixtureListDocument) -> str:
    """One line a fixture."""
    rows = [(each.name, each.description, each.peer) for each in document.fixtures]
    head = ("fixture", "the certificate", "a correct peer")
    return table(rows, head=head)


def made_text(document: FixtureDocument) -> str:
    """Where the fixtures are, which root to trust, where to note what a device did."""
    rows = [
        (each.name, each.files.fullchain if each.files else "", each.peer)
        for each in document.fixtures
    ]
    return "\n".join(
        [
            f"made from a throw-away CA ({document.ca}) in {document.folder}",
            table(rows, indent="  "),
            f"load into the tested peer's store: {document.trusted_root}",
            f"if it checks CRLs, give it {document.crls}: of issuing and root, it asks for both",
            f"note what it did in {document.table}",
        ]
    )
