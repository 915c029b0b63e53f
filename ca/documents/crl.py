"""The answer of ``crl``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document


class CRLRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The newest CRL of a CA; ``number`` and the dates are null if there is none yet.

    ``pending`` is true if revocations are recorded that it does not list yet.
    """

    ca: str
    id: str
    number: int | None
    this_update: datetime | None
    next_update: datetime | None
    entries: int
    pending: bool


class CRLDocument(Document, frozen=True, kw_only=True):
    """The answer of ``crl``; ``made`` is false if no new CRL was due and the newest was written.

    ``unchanged``: the file was there already with this content. ``others``: with
    ``--ca all`` the CRLs of the other CAs.
    """

    crl: CRLRecord
    made: bool
    path: str | None
    others: list[CRLRecord] = msgspec.field(default_factory=list)
    unchanged: bool = False
