"""The answers of ``init``, ``status``, ``log`` and ``ca set``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document


class CARecord(msgspec.Struct, frozen=True, kw_only=True):
    """A CA of this home. ``key_protection``: "passphrase" or "none"."""

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


class InitDocument(Document, frozen=True, kw_only=True):
    """The answer of ``init``; ``created`` is false when the CA was there already."""

    ca: str
    home: str
    created: bool
    cas: list[CARecord]
    base_url: str | None
    notes: list[str]


class StatusDocument(Document, frozen=True, kw_only=True):
    """The answer of ``status``."""

    ca: str
    home: str
    cas: list[CARecord]
    base_url: str | None
    target: str
    certificates: dict[str, int]
    audit_events: int
    audit_head: str


class LogEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the audit trail."""

    id: int
    at: datetime
    action: str
    subject: str
    detail: dict[str, str]
    os_user: str
    host: str
    version: str
    hash: str


class LogDocument(Document, frozen=True, kw_only=True):
    """The answer of ``log``; ``problems`` is null unless verification was asked for."""

    events: list[LogEvent]
    head: str
    problems: list[str] | None


class SettingsDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ca set``: what is in force now, and whether this call changed it."""

    base_url: str | None
    target: str
    changed: bool
