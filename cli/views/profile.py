"""The answers of ``profile ...`` as text."""

from __future__ import annotations

from ca.documents.profile import NamedRecord, ProfileListDocument, TextDocument, WrittenDocument
from cli.terminal import one_line, table, verbatim


def profiles_text(document: ProfileListDocument) -> str:
    """One line a profile."""
    return named_text(document.profiles)


def named_text(records: list[NamedRecord]) -> str:
    return table([(each.name, each.origin, each.description) for each in records])


def toml_text(document: TextDocument) -> str:
    """The TOML itself."""
    return verbatim(document.text.rstrip("\n"))


def checked_text(document: TextDocument) -> str:
    """That it is a profile, and whether it refuses instead of changing."""
    verbatim = "; verbatim: it refuses what it would change" if document.verbatim else ""
    return f"{document.name} is a profile{verbatim}"


def written_text(document: WrittenDocument) -> str:
    """Where it was written, and what a profile made from a certificate left out."""
    lines = [f"differs: {one_line(each)}" for each in document.notes]
    path = one_line(document.path)
    return "\n".join([*lines, f"wrote {path}; edit it, then 'sipca profile check {path}'"])
