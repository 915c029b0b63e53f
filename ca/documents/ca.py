"""A CA as documents show it, and the answer of ``ca set``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document


class CARecord(msgspec.Struct, frozen=True, kw_only=True):
    """A CA of this home. ``key_protection`` is "passphrase", "none" or "away"."""

    role: str
    id: str
    subject: str
    serial: str
    key: str
    key_protection: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    permitted: list[str]


class SettingsDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ca set``: the settings now, and whether this call changed them."""

    base_url: str | None
    target: str
    changed: bool


class OlderCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that the trail tells of, which still holds keys as they were."""

    file: str
    made_at: datetime


class PassphraseDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ca passphrase``.

    ``changed``: the CAs whose keys have the new passphrase; ``unprotected``: those whose keys have
    none, as before; ``away``: those whose keys are not here. ``wiped`` is false if another process
    kept the old octets in the -wal.
    """

    changed: list[str]
    unprotected: list[str]
    away: list[str]
    rounds: int
    wiped: bool
    older_copies: list[OlderCopy]


class RootKeyDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ca export-root-key`` and ``ca drop-root-key``.

    ``key`` is "here" or "away"; ``crl_until`` the end of the root's newest CRL. ``older_copies``
    are backups that still hold the key. ``wiped`` is false if another process kept the old octets
    in the -wal.
    """

    ca: str
    id: str
    file: str
    sha256: str
    key: str
    crl_until: datetime | None
    wiped: bool
    older_copies: list[OlderCopy]
