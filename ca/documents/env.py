"""The answer of ``env``."""

from __future__ import annotations

from ca.documents.base import Document


class EnvDocument(Document, frozen=True, kw_only=True):
    """The answer of ``env``: files that were written or are up to date, by their variables."""

    variables: dict[str, str]
