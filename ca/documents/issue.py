"""The answer of ``issue``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document
from ca.model.account import FieldAccount
from ca.model.findings import Finding


class IssuedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The files written; ``key`` is the PEM or the PFX file with the private key."""

    key: str
    device: str
    fullchain: str
    trusted_root: str


class IssueDocument(Document, frozen=True, kw_only=True):
    """The answer of ``issue``; ``made`` is "key-and-certificate", "certificate" or "nothing"."""

    made: str
    serial: str
    subject: str
    san: list[str]
    profile: str
    device: str | None
    issuer: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    files: IssuedFiles
    account: list[FieldAccount]
    findings: list[Finding]
