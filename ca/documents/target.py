"""The answer of ``target list``."""

from __future__ import annotations

from ca.documents.base import Document
from ca.documents.profile import NamedRecord


class TargetListDocument(Document, frozen=True, kw_only=True):
    """The answer of ``target list``."""

    targets: list[NamedRecord]
