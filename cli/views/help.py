"""The answer of ``help`` as text."""

from __future__ import annotations

from ca.documents.help import HelpDocument
from cli.terminal import verbatim


def help_text(document: HelpDocument) -> str:
    """The help itself."""
    return verbatim(document.text)
