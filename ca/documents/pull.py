"""The answer of ``pull``."""

from __future__ import annotations

from ca.documents.base import Document
from ca.documents.push import API, DeviceStep


class PullDocument(Document, frozen=True, kw_only=True):
    """The answer of ``pull``: the steps, and the CSR that the device made."""

    device: str
    context: int
    address: str
    dry_run: bool
    interface: str = API
    version: str | None
    steps: list[DeviceStep]
    csr_pem: str | None
    file: str | None
