"""The answer of ``status``."""

from __future__ import annotations

from ca.documents.base import Document
from ca.documents.ca import CARecord


class StatusDocument(Document, frozen=True, kw_only=True):
    """The answer of ``status``."""

    ca: str
    home: str
    cas: list[CARecord]
    base_url: str | None
    target: str
    certificates: dict[str, int]
    audit_events: int
    audit_head: str
