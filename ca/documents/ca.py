"""A CA as documents show it, and the answer of ``ca set``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document


class CARecord(msgspec.Struct, frozen=True, kw_only=True):
    """A CA of this home. ``key_protection`` is "passphrase", "token", "none" or "away"."""

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
    current: bool = True


class CAEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A CA certificate of this home.

    ``id``: the first 8 hex digits of the key identifier. ``live``: the certificates that it issued
    and that are neither expired nor revoked; of a root, its issuing CAs. ``cross_of``: of a cross
    certificate, the id of the root that signed it. What a dry run would make has no id, serial and
    fingerprint.
    """

    id: str | None
    role: str
    name: str
    subject: str
    serial: str | None
    not_before: datetime
    not_after: datetime
    key: str
    live: int
    state: str
    fingerprint: str | None
    cross_of: str | None


class CAListDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ca list``: current CAs first, then earlier ones, newest first."""

    cas: list[CAEntry]


class CARotationDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ca rotate``: the certificates that were made, the CA's own first.

    ``resumed``: an earlier call had begun this rotation.
    """

    ca: str
    home: str
    dry_run: bool
    resumed: bool
    cas: list[CAEntry]
    notes: list[str]


class PlanEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What a device and context needs next: "trust", "certificate" or "nothing", and why.

    ``after``: the devices that need their trust files first. ``serial`` and ``issuer`` are those of
    its newest certificate, if it has one; ``exported`` is when ``export`` wrote the files that it
    needs, ``trust_done`` and ``certificate_done`` when a step was recorded; ``not_after`` is the
    end of its newest certificate.
    """

    device: str
    context: int | None
    next: str
    why: str
    after: list[str]
    serial: str | None
    issuer: str | None
    exported: datetime | None
    trust_done: datetime | None
    certificate_done: datetime | None
    not_after: datetime | None = None


class PlanDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ca plan``; ``trust`` has the ids of the CAs in the trust files."""

    ca: str
    home: str
    trust: list[str]
    devices: list[PlanEntry]


class RetirementDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ca retire``; ``changed`` is false if the CA was retired already."""

    retired: CAEntry
    changed: bool


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
    none, as before; ``away``: those whose keys are not here; ``on_token``: those whose keys are on
    a token, with its PIN. ``wiped`` is false if another process kept the old octets in the -wal.
    """

    changed: list[str]
    unprotected: list[str]
    away: list[str]
    on_token: list[str]
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
