"""The answers of ``ocsp ...``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.base import Document


class SignerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A delegated OCSP signer."""

    ca: str
    id: str
    serial: str
    subject: str
    key: str
    not_before: datetime
    not_after: datetime
    made: bool


class SignersDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ocsp rotate``; ``made`` is false for a signer that did not need replacing."""

    signers: list[SignerRecord]


class OCSPAnswerDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ocsp respond``: the response status of RFC 6960, and the reason for it."""

    status: str
    reason: str | None
    path: str


class PresignDocument(Document, frozen=True, kw_only=True):
    """The answer of ``ocsp presign``: how many certificates the folder answers for.

    ``written`` and ``removed`` count the files that this call changed, ``kept`` those that it left
    because they are good for long enough; ``too_long`` counts requests that no file can be named
    after; ``next_update`` is when the first answer ends.
    """

    folder: str
    certificates: int
    written: int
    kept: int = 0
    removed: int
    too_long: int = 0
    next_update: datetime
