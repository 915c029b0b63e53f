"""What ``--json`` prints on stderr if there is no other document."""

from __future__ import annotations

import msgspec

from ca.documents.base import Document


class ErrorRecord(msgspec.Struct, frozen=True):
    """An error: its kind, a sentence, a next step, the exit code."""

    kind: str
    message: str
    hint: str | None
    exit: int


class ErrorDocument(Document, frozen=True, kw_only=True):
    """What is printed on stderr if there is no other document."""

    error: ErrorRecord
