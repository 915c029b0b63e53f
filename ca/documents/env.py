"""The answer of ``env``."""

from __future__ import annotations

from ca.documents.base import Document


class EnvDocument(Document, frozen=True, kw_only=True):
    """The answer of ``env``: environment variables, each with the file that it points to."""

    variables: dict[str, str]
