"""The answer of ``rekey`` as text."""

from __future__ import annotations

from collections.abc import Sequence

from ca.documents.rekey import RekeyDocument
from cli.terminal import one_line
from cli.views.sign import single_text


def rekeyed_text(
    document: RekeyDocument, steps: Sequence[str], left: Sequence[str], *, whole: bool = False
) -> str:
    """As for ``sign``: account, findings, what was signed, what it supersedes, what to do next."""
    return "\n".join([single_text(document, steps, whole=whole), *map(one_line, left)])
