"""The answers of ``list``, ``show``, ``chain`` and ``export``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document
from ca.documents.home import CARecord
from ca.model.account import FieldAccount
from ca.model.findings import Finding


class CertificateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate as the register knows it; dates and fingerprint are null while planned."""

    serial: str
    subject: str
    san: list[str]
    profile: str
    device: str | None
    context: int | None
    issuer: str
    not_before: datetime | None
    not_after: datetime | None
    status: str
    fingerprint: str | None
    supersedes: str | None
    superseded_by: str | None


class ListDocument(Document, frozen=True, kw_only=True):
    """The answer of ``list``."""

    certificates: list[CertificateRecord]


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


class ChainDocument(Document, frozen=True, kw_only=True):
    """The answer of ``chain``: the CA certificates, issuing first and root last."""

    cas: list[CARecord]
    pem: str


class ExportDocument(Document, frozen=True, kw_only=True):
    """The answer of ``export``: what was written, in the order of the device's pages.

    ``findings`` are preflight's, where a kit was made for a target.
    """

    certificate: CertificateRecord
    files: list[str]
    others: list[str]
    steps: list[str]
    target: str = ""
    findings: list[Finding] = msgspec.field(default_factory=list)
