"""The answer of ``list``."""

from __future__ import annotations

from ca.documents.base import Document
from ca.documents.certificate import CertificateRecord


class ListDocument(Document, frozen=True, kw_only=True):
    """The answer of ``list``."""

    certificates: list[CertificateRecord]
