"""The answer of ``sign``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document
from ca.documents.server import ServerSetup
from ca.errors import ERRORS, CAError, Kind
from ca.model.account import FieldAccount
from ca.model.findings import Finding


class Files(msgspec.Struct, frozen=True):
    """Paths of the files of one certificate; null for those that were not requested.

    ``unchanged`` are those that were there already with this content.
    """

    device: str | None = None
    trusted_root: str | None = None
    fullchain: str | None = None
    unchanged: list[str] = []


class Superseded(msgspec.Struct, frozen=True):
    """A certificate that a new one supersedes; it stays valid until it expires or is revoked.

    ``older_valid``: how many that it superseded itself, at any remove, are still valid, too.
    """

    serial: str
    not_after: datetime
    revoked: bool
    older_valid: int = 0


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate, just signed or handed out again (then ``reason`` is set).

    In a dry run ``serial``, ``fingerprint`` and ``certificate_pem`` are null. ``supersedes`` is
    the first of ``superseded``, the certificates that this one replaces. ``server``: how a server
    is told of its files, if ``renew`` wrote those of a target that names them.
    """

    source: str
    serial: str | None
    subject: str
    san: list[str]
    profile: str
    device: str | None
    context: int | None
    issuer: str
    not_before: datetime
    not_after: datetime
    fingerprint: str | None
    certificate_pem: str | None
    chain_pem: str
    root_pem: str
    files: Files
    account: list[FieldAccount]
    findings: list[Finding]
    supersedes: str | None = None
    superseded: list[Superseded] = []
    server: ServerSetup | None = None


class Skipped(Signed, frozen=True, kw_only=True):
    """A good certificate that existed already and is handed out again."""

    reason: str


class Refused(msgspec.Struct, frozen=True):
    """An input file that was refused, and why; ``rule`` is the code of the rule that refused it."""

    source: str
    kind: Kind
    message: str
    hint: str | None
    exit: int
    rule: str | None = None

    def error(self) -> CAError:
        """The error that it was refused with, for callers that have one source alone."""
        return ERRORS[self.kind](self.message, hint=self.hint, rule=self.rule)


class SigningDocument(Document, frozen=True, kw_only=True):
    """The answer of ``sign``, for one input file or many.

    ``chain_pem`` and ``root_pem`` are the CA certificates that all share; each entry has them, too.

    ``interrupted``: it was stopped early, and ``left`` input files were not processed.
    ``pending`` is the reason why no CRL could be signed after ``--revoke-old``, or null.
    """

    ca: str
    home: str
    dry_run: bool = False
    signed: list[Signed]
    skipped: list[Skipped]
    refused: list[Refused]
    ignored: list[str]
    interrupted: bool = False
    left: int = 0
    pending: str | None = None
    chain_pem: str = ""
    root_pem: str = ""
