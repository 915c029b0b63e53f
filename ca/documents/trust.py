"""The answers of ``trust build`` and ``trust diff``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document
from ca.model.findings import Finding


class TrustMember(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate of a bundle; ``source`` is the file it came from."""

    subject: str
    issuer: str
    not_after: datetime
    fingerprint: str
    source: str


class TrustDrop(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate left out, and why; ``kind`` is "duplicate", "refused" or "bug".

    ``subject`` is empty if it could not be read, ``fingerprint`` if the certificate is not whole.
    """

    subject: str
    fingerprint: str
    source: str
    kind: str
    reason: str


class TrustDocument(Document, frozen=True, kw_only=True):
    """The answer of ``trust build`` and its manifest: the certificates in the bundle, and those
    left out with the reason.
    """

    target: str
    limit: int
    members: list[TrustMember]
    dropped: list[TrustDrop]
    findings: list[Finding]
    path: str | None
    notes: list[str]


class TrustDiffDocument(Document, frozen=True, kw_only=True):
    """The answer of ``trust diff``; ``changed`` are pairs of certificates with the same subject.

    ``unread``: what cannot be read in the two bundles.
    """

    only_a: list[TrustMember]
    only_b: list[TrustMember]
    changed: list[tuple[TrustMember, TrustMember]]
    same: int
    unread: list[TrustDrop] = msgspec.field(default_factory=list)
