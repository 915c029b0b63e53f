"""The answers of ``csr show``, ``rule ...``, ``profile ...`` and ``target ...``."""

from __future__ import annotations

from typing import Literal

import msgspec

from ca.documents.base import Document
from ca.model.account import FieldAccount
from ca.model.findings import Finding

Verdict = Literal["ok", "warn", "fail"]


class ExtensionRecord(msgspec.Struct, frozen=True):
    """An extension that a request asks for."""

    name: str
    critical: bool
    value: str


class RequestDocument(Document, frozen=True, kw_only=True):
    """The answer of ``csr show``; ``account`` is empty without a profile, or where it refuses."""

    source: str
    subject: str
    san: list[str]
    key: str
    key_identity: str
    signature_algorithm: str
    proof: str
    extensions: list[ExtensionRecord]
    attributes: list[str]
    repairs: list[str]
    verdict: Verdict
    findings: list[Finding]
    profile: str | None
    account: list[FieldAccount]


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


class CitationRecord(msgspec.Struct, frozen=True):
    """What a citation points at: its title, and an address or a file that sipca is shipped with."""

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


class NamedRecord(msgspec.Struct, frozen=True):
    """A profile or target; ``origin`` is "shipped" or "own"."""

    name: str
    origin: str
    description: str


class ProfileListDocument(Document, frozen=True, kw_only=True):
    """The answer of ``profile list``."""

    profiles: list[NamedRecord]


class TargetListDocument(Document, frozen=True, kw_only=True):
    """The answer of ``target list``."""

    targets: list[NamedRecord]


class TextDocument(Document, frozen=True, kw_only=True):
    """The answer of ``profile show`` and ``target show``: the very TOML.

    ``verbatim``: by this profile nothing is changed, by this target nothing may be.
    """

    name: str
    origin: str
    text: str
    verbatim: bool = False


class WrittenDocument(Document, frozen=True, kw_only=True):
    """The answer of a command that wrote one file."""

    path: str


def verdict_of(findings: list[Finding]) -> Verdict:
    """The worst of the findings."""
    results = {each.result for each in findings}
    if "fail" in results:
        return "fail"
    return "warn" if "warn" in results else "ok"
