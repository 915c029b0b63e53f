"""The answer of ``import``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document
from ca.documents.ca import CARecord
from ca.documents.sign import Refused


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate; ``remarks`` are what is odd or weak about it, a sentence each.

    ``fingerprint`` is null where only the entry of an index is known.
    """

    serial: str
    subject: str
    not_after: datetime
    status: str
    source: str
    fingerprint: str | None
    remarks: list[str]


class ImportDocument(Document, frozen=True, kw_only=True):
    """The answer of ``import``; ``known`` counts certificates that the home had already."""

    ca: str
    home: str
    dry_run: bool
    created: bool
    cas: list[CARecord]
    imported: list[Imported]
    refused: list[Refused]
    known: int
    notes: list[str]
