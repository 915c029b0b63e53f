"""The answer of ``version``."""

from __future__ import annotations

from ca.documents.base import Document


class VersionDocument(Document, frozen=True, kw_only=True):
    """Which sipca this is."""

    version: str
