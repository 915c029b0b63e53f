"""What scripts ask for: paths, schemas, errors."""

from __future__ import annotations

import msgspec

from ca.documents.base import Document


class EnvDocument(Document, frozen=True, kw_only=True):
    """The answer of ``env``: files that were written or are up to date, by their variables."""

    variables: dict[str, str]


class SchemaListDocument(Document, frozen=True, kw_only=True):
    """The answer of ``schema`` without a name."""

    names: list[str]


class ErrorRecord(msgspec.Struct, frozen=True):
    """An error: its kind, a sentence, a next step, the exit code."""

    kind: str
    message: str
    hint: str | None
    exit: int


class ErrorDocument(Document, frozen=True, kw_only=True):
    """What stands on stderr when there is no other document."""

    error: ErrorRecord
