"""The answer of ``export``."""

from __future__ import annotations

import msgspec

from ca.documents.base import Document
from ca.documents.certificate import CertificateRecord
from ca.documents.server import ServerSetup
from ca.model.findings import Finding


class ExportDocument(Document, frozen=True, kw_only=True):
    """The answer of ``export``: the files written, in the order of the device's pages.

    ``unchanged`` are those of them that were there already with this content.
    ``findings`` are those of preflight, if a kit for a target was written; ``server`` says
    how a server is told of its files, if they are those of a target that names them.
    """

    certificate: CertificateRecord
    files: list[str]
    others: list[str]
    steps: list[str]
    target: str = ""
    findings: list[Finding] = msgspec.field(default_factory=list)
    server: ServerSetup | None = None
    unchanged: list[str] = msgspec.field(default_factory=list)
