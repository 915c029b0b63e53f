"""The answer of ``push``, and what it shares with that of ``pull``."""

from __future__ import annotations

from typing import Literal

import msgspec

from ca.documents.base import Document
from ca.documents.verdict import Verdict

State = Literal["done", "would", "unchanged", "failed", "skipped"]
API = "known from the vendor's documents, never tried on a real device"
"""What is to be said of every use of the REST interface."""


class DeviceStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step on a device: whether it was done, would be done, or why it failed."""

    step: str
    state: State
    detail: str


class PushedDevice(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed on a device and what was not; ``version`` is its firmware's."""

    device: str
    context: int
    address: str
    serial: str | None
    version: str | None
    changed: bool
    verdict: Verdict
    steps: list[DeviceStep]


class PushDocument(Document, frozen=True, kw_only=True):
    """The answer of ``push``: each device in its order; those after a failure are not begun."""

    verdict: Verdict
    dry_run: bool
    interface: str = API
    devices: list[PushedDevice]
    not_begun: list[str]
