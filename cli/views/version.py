"""The answer of ``version`` as text."""

from __future__ import annotations

from ca.documents.version import VersionDocument


def version_text(document: VersionDocument) -> str:
    """One line, as ``--version`` prints it."""
    return f"sipca {document.version}"
