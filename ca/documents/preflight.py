"""The answer of ``preflight``."""

from __future__ import annotations

from ca.documents.check import CheckDocument


class PreflightDocument(CheckDocument, frozen=True, kw_only=True):
    """The answer of ``preflight``: a verdict, and the findings about the files."""
