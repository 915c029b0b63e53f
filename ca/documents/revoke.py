"""The answer of ``revoke`` and ``release``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document
from ca.documents.certificate import CertificateRecord
from ca.documents.crl import CRLRecord


class StatusChange(msgspec.Struct, frozen=True, kw_only=True):
    """A serial whose status changed to "revoked", "held" or "released"."""

    serial: str
    subject: str
    device: str | None
    issuer: str
    status: str
    reason: str
    since: datetime


class RevocationDocument(Document, frozen=True, kw_only=True):
    """The answer of ``revoke`` and ``release``.

    ``same_key`` are other live certificates with a compromised key that were not revoked.
    ``older`` are superseded certificates of the same names, still valid and not revoked.
    ``already`` were revoked by an earlier call, for the same reason.
    ``pending`` is the reason why a CRL could not be signed, or null.
    """

    changed: list[StatusChange]
    same_key: list[CertificateRecord]
    crls: list[CRLRecord]
    pending: str | None
    older: list[CertificateRecord] = []  # noqa: RUF012 - msgspec copies it
    already: list[CertificateRecord] = []  # noqa: RUF012
