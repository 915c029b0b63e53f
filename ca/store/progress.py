"""How far devices are in a rotation, as the audit trail tells it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ca.store.connection import Store
from ca.store.timestamps import from_text

DONE = "device-done"
"""The action of the event by which a device's step is recorded."""
EXPORTED = "device-files"
"""The action of the event that files for a device were written during a rotation."""


class StepDone(msgspec.Struct, frozen=True):
    """A step that a device took: the serials of the certificates that are on it since then."""

    device: str
    context: int | None
    step: str
    serials: frozenset[str]
    at: datetime


def steps_done(store: Store) -> list[StepDone]:
    """Every step that was recorded, oldest first; a step "export" is files that were written."""
    rows = store.connection.execute(
        "SELECT detail, at FROM audit WHERE action IN (?, ?) ORDER BY id", (DONE, EXPORTED)
    )
    return [_step(msgspec.json.decode(text, type=dict[str, str]), at) for text, at in rows]


def _step(detail: dict[str, str], at: str) -> StepDone:
    context = detail.get("context")
    return StepDone(
        detail.get("device", ""),
        None if context is None else int(context),
        detail.get("step", ""),
        frozenset(detail.get("serials", "").split()),
        from_text(at),
    )
