"""The answer of ``backup``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document


class NewestCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate that was signed last."""

    serial: str
    not_before: datetime


class BackupDocument(Document, frozen=True, kw_only=True):
    """The answer of ``backup``: what the file holds.

    ``crl_number`` is the highest of the issuing CA, ``files`` are the members beside the register.
    ``verified`` says that the file was read back and its history held against its audit trail.
    """

    file: str
    sha256: str
    certificates: int
    newest: NewestCertificate | None
    crl_number: int | None
    audit_head: str
    ca: str
    made_at: datetime
    files: list[str]
    verified: bool
    notes: list[str]
