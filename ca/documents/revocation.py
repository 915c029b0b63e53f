"""The answers of ``revoke``, ``release``, ``crl``, ``ocsp ...`` and ``check``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document
from ca.documents.certificates import CertificateRecord
from ca.documents.reports import Verdict
from ca.model.findings import Finding


class StatusChange(msgspec.Struct, frozen=True, kw_only=True):
    """A serial whose status changed to "revoked", "held" or "released"."""

    serial: str
    subject: str
    device: str | None
    issuer: str
    status: str
    reason: str
    since: datetime


class CRLRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The newest CRL of a CA; ``number`` and the dates are null while there is none.

    ``pending``: revocations are recorded that it does not tell yet.
    """

    ca: str
    id: str
    number: int | None
    this_update: datetime | None
    next_update: datetime | None
    entries: int
    pending: bool


class RevocationDocument(Document, frozen=True, kw_only=True):
    """The answer of ``revoke`` and ``release``.

    ``same_key`` are further live certificates of a compromised key that were not revoked.
    ``pending`` says why a CRL could not be made, or is null.
    """

    changed: list[StatusChange]
    same_key: list[CertificateRecord]
    crls: list[CRLRecord]
    pending: str | None


class CRLDocument(Document, frozen=True, kw_only=True):
    """The answer of ``crl``; ``made`` is false where the newest one was handed out again."""

    crl: CRLRecord
    made: bool
    path: str | None


class SignerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A delegated OCSP signer."""

    ca: str
    id: str
    serial: str
    subject: str
    key: str
    not_before: datetime
    not_after: datetime
    made: bool


class SignersDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ocsp rotate``; ``made`` is false where the signer was still fresh."""

    signers: list[SignerRecord]


class OCSPAnswerDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ocsp respond``: the response status of RFC 6960 and why."""

    status: str
    reason: str | None
    path: str


class PresignDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ocsp presign``: how many files answer for how many certificates."""

    folder: str
    certificates: int
    written: int
    removed: int
    next_update: datetime


class CheckDocument(Document, frozen=True, kw_only=True):
    """The answer of ``check``."""

    verdict: Verdict
    findings: list[Finding]
