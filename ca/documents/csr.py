"""The answer of ``csr show``."""

from __future__ import annotations

import msgspec

from ca.documents.base import Document
from ca.documents.device import CribDocument
from ca.documents.verdict import Verdict
from ca.model.account import FieldAccount
from ca.model.findings import Finding


class ExtensionRecord(msgspec.Struct, frozen=True):
    """An extension that a request asks for."""

    name: str
    critical: bool
    value: str


class RequestDocument(Document, frozen=True, kw_only=True):
    """The answer of ``csr show``; ``account`` is empty without a profile, or if that refuses.

    ``crib``: what to type on the device's page instead, where something fails.
    """

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
    crib: CribDocument | None = None
