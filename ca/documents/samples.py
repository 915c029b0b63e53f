"""The answer of ``samples``."""

from __future__ import annotations

import msgspec

from ca.documents.base import Document


class SampleRecord(msgspec.Struct, frozen=True):
    """A sample request: its file, and what it demonstrates."""

    path: str
    shows: str


class SamplesDocument(Document, frozen=True, kw_only=True):
    """The answer of ``samples``; ``readme`` says what sipca does with each of them.

    ``unchanged``: the files that were there already, with the same content.
    """

    folder: str
    samples: list[SampleRecord]
    readme: str
    unchanged: list[str] = msgspec.field(default_factory=list)
