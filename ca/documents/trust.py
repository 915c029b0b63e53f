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
    left out with the reason. ``unchanged``: the file at ``path`` held just this already.
    """

    target: str
    limit: int
    members: list[TrustMember]
    dropped: list[TrustDrop]
    findings: list[Finding]
    path: str | None
    notes: list[str]
    unchanged: bool = False


class TrustDiffDocument(Document, frozen=True, kw_only=True):
    """The answer of ``trust diff``; ``changed`` are pairs of certificates with the same subject.

    ``unread``: what cannot be read in the two bundles.
    """

    only_a: list[TrustMember]
    only_b: list[TrustMember]
    changed: list[tuple[TrustMember, TrustMember]]
    same: int
    unread: list[TrustDrop] = msgspec.field(default_factory=list)


class TrustRoot(msgspec.Struct, frozen=True, kw_only=True):
    """A root to be trusted; ``sha1`` is what Windows and macOS show, and proves nothing alone."""

    id: str
    subject: str
    not_after: datetime
    sha256: str
    sha1: str


class TrustCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command as it is typed in ``shell`` ("sh" or "cmd"); ``as_root``: by an administrator."""

    text: str
    shell: str
    as_root: bool


class TrustRun(msgspec.Struct, frozen=True, kw_only=True):
    """A command that was run here, its exit code and what it said."""

    text: str
    exit: int
    output: str


class TrustExportDocument(Document, frozen=True, kw_only=True):
    """The answer of ``trust export``: the roots, the files written, and how they are trusted.

    ``store`` is the kind of system, or null; ``source`` where its commands are from, and whether
    they were tried. ``ran`` is what ``--run`` has run. ``unchanged``: those of ``files`` that were
    there already, with the same content.
    """

    ca: str
    home: str
    store: str | None
    description: str
    roots: list[TrustRoot]
    pem: str
    files: list[str]
    run: list[TrustCommand]
    undo: list[TrustCommand]
    steps: list[str]
    notes: list[str]
    source: str
    ran: list[TrustRun]
    unchanged: list[str] = msgspec.field(default_factory=list)


class PackMember(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that a pack asks for.

    ``state`` is "there", "missing", "expired" or "not-yet-valid"; ``source`` is the file that has
    it, ``checked`` where the pack's fingerprints are from. ``sha256`` is empty if it is not known.
    """

    name: str
    state: str
    sha256: str
    sha1: str
    checked: str
    not_after: datetime | None = None
    source: str | None = None


class TrustCheckDocument(Document, frozen=True, kw_only=True):
    """The answer of ``trust check``: what of a pack is in a device's store.

    ``verdict`` is "fail" if a member is missing or cannot be used now. ``foreign`` is what the
    store has beside the pack, ``unread`` what of it cannot be read.
    """

    pack: str
    description: str
    origin: str
    date: str | None
    verdict: str
    members: list[PackMember]
    foreign: list[TrustMember]
    unread: list[TrustDrop]
    notes: list[str]
