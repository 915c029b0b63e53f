"""The answer of ``chain``."""

from __future__ import annotations

from ca.documents.base import Document
from ca.documents.ca import CARecord


class ChainDocument(Document, frozen=True, kw_only=True):
    """The answer of ``chain``: the CA certificates, issuing first and root last."""

    cas: list[CARecord]
    pem: str
