"""The answer of ``doctor``."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.documents.check import CheckDocument
from ca.documents.verdict import Verdict
from ca.model.findings import Finding


class ServedCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that the peer sent; ``ours`` if this home issued it."""

    serial: str
    subject: str
    issuer: str
    san: list[str]
    not_after: datetime
    fingerprint: str
    ours: bool


class HandshakeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One handshake that was tried: what was offered, and what came of it."""

    offered: str
    version: str | None
    cipher: str | None
    alert: int | None
    asks_certificate: bool
    failure: str | None


class PeerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One address that was looked at, what it sent, and what that means.

    Where nothing answered, ``reached`` is false and ``message`` says why; else it is the gravest
    finding. ``port`` and ``at`` are null for what was read from a file, ``answer`` is the first
    line of the answer to SIP OPTIONS or HTTP GET.
    """

    host: str
    port: int | None
    name: str
    device: str | None
    context: int | None
    reached: bool
    verdict: Verdict
    message: str
    findings: list[Finding] = []
    at: datetime | None = None
    chain: list[ServedCertificate] = []
    handshakes: list[HandshakeRecord] = []
    answer: str | None = None
    clock_error_seconds: float | None = None


class DoctorDocument(CheckDocument, frozen=True, kw_only=True):
    """The answer of ``doctor``: each peer that was looked at, and the findings about all."""

    peers: list[PeerRecord]
