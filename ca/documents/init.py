"""The answer of ``init``."""

from __future__ import annotations

from ca.documents.base import Document
from ca.documents.ca import CARecord


class InitDocument(Document, frozen=True, kw_only=True):
    """The answer of ``init``; ``created`` is false if the CA existed already."""

    ca: str
    home: str
    created: bool
    cas: list[CARecord]
    base_url: str | None
    notes: list[str]
