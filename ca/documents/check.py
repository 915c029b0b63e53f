"""The answer of ``check``."""

from __future__ import annotations

from ca.documents.base import Document
from ca.documents.verdict import Verdict
from ca.model.findings import Finding


class CheckDocument(Document, frozen=True, kw_only=True):
    """The answer of ``check``."""

    verdict: Verdict
    findings: list[Finding]
