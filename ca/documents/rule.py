"""The answers of ``rule ...``."""

from __future__ import annotations

import msgspec

from ca.documents.base import Document


class RuleRecord(msgspec.Struct, frozen=True):
    """One rule; ``allow``: whether ``--allow`` can override it."""

    code: str
    severity: str
    allow: bool
    meaning: str
    basis: str
    cites: str


class RuleDocument(Document, frozen=True, kw_only=True):
    """The answer of ``rule list``."""

    rules: list[RuleRecord]


class CitationRecord(msgspec.Struct, frozen=True):
    """What a citation refers to: its title, and a URL or a file that is shipped with sipca."""

    cite: str
    title: str
    where: str


class RuleShowDocument(Document, frozen=True, kw_only=True):
    """The answer of ``rule show``; ``good`` meets the rule, and ``bad`` breaks it."""

    code: str
    severity: str
    allow: bool
    meaning: str
    basis: str
    cites: str
    citations: list[CitationRecord]
    good: str
    bad: str
