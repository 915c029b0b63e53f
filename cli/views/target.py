"""The answer of ``target list`` as text."""

from __future__ import annotations

from ca.documents.target import TargetListDocument
from cli.views.profile import named_text


def targets_text(document: TargetListDocument) -> str:
    """One line a target."""
    return named_text(document.targets)
