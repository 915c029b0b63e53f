"""The answer of ``issue``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document
from ca.documents.server import ServerSetup
from ca.documents.sign import Superseded
from ca.model.account import FieldAccount
from ca.model.findings import Finding


class IssuedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The files written; ``key`` is the PEM or the PFX file with the private key.

    Of a target's files each is the first that holds it; null if none does.
    """

    key: str
    device: str | None
    fullchain: str | None
    trusted_root: str | None


class IssueDocument(Document, frozen=True, kw_only=True):
    """The answer of ``issue``; ``made`` is "key-and-certificate", "certificate" or "nothing".

    ``pending`` is the reason why no CRL could be signed after ``--revoke-old``, or null.
    """

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
    supersedes: str | None = None
    superseded: list[Superseded] = []  # noqa: RUF012 - msgspec copies it
    pending: str | None = None
    server: ServerSetup | None = None
