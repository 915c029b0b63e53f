"""The answer of ``restore``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.backup import NewestCertificate
from ca.documents.base import Document


class EnteredCRL(msgspec.Struct, frozen=True, kw_only=True):
    """A CRL that was entered: ``revoked`` are the serials that the backup did not know revoked.

    ``still_held`` are on hold here and not in the CRL: they were released, or have expired.
    """

    source: str
    ca: str
    number: int
    later: bool
    revoked: list[str]
    still_held: list[str]


class EnteredCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that was entered; ``known`` if the backup had it."""

    source: str
    serial: str
    subject: str
    known: bool


class RestoreDocument(Document, frozen=True, kw_only=True):
    """The answer of ``restore``.

    ``certificates``, ``newest`` and ``crl_number`` are those of the home now, ``audit_head`` is the
    backup's. ``known_until`` is when the backup last recorded something: what was signed, revoked
    or changed later is known only as far as CRLs and certificates told.
    """

    file: str
    sha256: str
    certificates: int
    newest: NewestCertificate | None
    crl_number: int | None
    audit_head: str
    ca: str
    home: str
    made_at: datetime
    known_until: datetime | None
    crls: list[EnteredCRL]
    entered: list[EnteredCertificate]
    files: list[str]
    notes: list[str]
