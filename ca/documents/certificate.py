"""A certificate as documents show it."""

from __future__ import annotations

from datetime import datetime

import msgspec


class CertificateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate of the register; dates and fingerprint are null until it is signed.

    ``days_left``: whole days until the end, negative since it is past.
    """

    serial: str
    subject: str
    san: list[str]
    profile: str
    device: str | None
    context: int | None
    issuer: str
    not_before: datetime | None
    not_after: datetime | None
    status: str
    fingerprint: str | None
    supersedes: str | None
    superseded_by: str | None
    days_left: int | None = None
