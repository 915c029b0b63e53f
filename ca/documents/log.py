"""The answer of ``log``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document


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
    """The answer of ``log``; ``problems`` is null unless verification was requested."""

    events: list[LogEvent]
    head: str
    problems: list[str] | None
