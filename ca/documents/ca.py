"""A CA as documents show it, and the answer of ``ca set``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document


class CARecord(msgspec.Struct, frozen=True, kw_only=True):
    """A CA of this home. ``key_protection`` is "passphrase", "none", or "absent" without a key."""

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
