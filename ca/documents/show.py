"""The answer of ``show``."""

from __future__ import annotations

from ca.documents.base import Document
from ca.documents.certificate import CertificateRecord
from ca.model.account import FieldAccount


class ShowDocument(Document, frozen=True, kw_only=True):
    """The answer of ``show``; ``others`` are the serials of further current matches."""

    certificate: CertificateRecord
    key: str
    key_usage: list[str]
    extended_key_usage: list[str]
    signature_algorithm: str
    source: str
    status_reason: str | None
    status_since: str | None
    certificate_pem: str
    account: list[FieldAccount]
    others: list[str]
