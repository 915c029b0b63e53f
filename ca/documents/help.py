"""The answer of ``help``."""

from __future__ import annotations

from ca.documents.base import Document


class HelpDocument(Document, frozen=True, kw_only=True):
    """The help of a command, as ``--help`` prints it; ``command`` is empty for sipca itself."""

    command: str
    text: str
