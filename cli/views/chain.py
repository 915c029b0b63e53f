"""The answer of ``chain`` as text."""

from __future__ import annotations

from ca.documents.chain import ChainDocument


def chain_text(document: ChainDocument) -> str:
    """The PEM itself."""
    return document.pem.rstrip("\n")
