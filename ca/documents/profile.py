"""The answers of ``profile ...``."""

from __future__ import annotations

import msgspec

from ca.documents.base import Document


class NamedRecord(msgspec.Struct, frozen=True):
    """A profile or target; ``origin`` is "shipped" or "own"."""

    name: str
    origin: str
    description: str


class ProfileListDocument(Document, frozen=True, kw_only=True):
    """The answer of ``profile list``."""

    profiles: list[NamedRecord]


class TextDocument(Document, frozen=True, kw_only=True):
    """The answer of ``profile show`` and ``target show``: the TOML text.

    ``verbatim``: requests must be issued unchanged, by this profile or for this target.
    """

    name: str
    origin: str
    text: str
    verbatim: bool = False


class WrittenDocument(Document, frozen=True, kw_only=True):
    """The answer of a command that wrote one file; ``notes`` is what is to be known of it."""

    path: str
    notes: list[str] = msgspec.field(default_factory=list)
