"""The answers of ``rule ...``."""

from __future__ import annotations

import msgspec

from ca.documents.base import Document


class RuleRecord(msgspec.Struct, frozen=True):
    """One rule; ``allow``: whether ``--allow`` takes it."""

    code: str
    severity: str
    allow: bool
    meaning: str
    basis: str
    cites: str


class RuleDocument(Document, frozen=True, kw_only=True):
    """The answer of ``rule list``."""

    rules: list[RuleRecord]
