"""What cannot be known after a restore, and acknowledging it."""

from __future__ import annotations

import shutil

import msgspec

from ca.authority.home import RESTORING, Home
from ca.errors import ConflictError, StoreError
from ca.lint.registration import challenge_readable
from ca.lint.restored import Gap, restored_gap
from ca.model.findings import Finding, run
from ca.store import settings
from ca.store.audit import Event

RESTORED, GAP = "restored", "restored_gap"
"""Settings: that this home came from a backup, and the gap while it is not acknowledged."""


ACKNOWLEDGED = {
    restored_gap.code: GAP,
    challenge_readable.code: settings.READABLE_CHALLENGES,
}
"""Findings that stay until they are acknowledged, each with the setting that keeps it."""


def gap_findings(home: Home) -> list[Finding]:
    """The finding about a gap that nobody acknowledged yet."""
    text = settings.read(home.store, GAP)
    if text is None:
        return []
    try:
        return run([restored_gap], msgspec.json.decode(text, type=Gap))
    except msgspec.MsgspecError:
        raise StoreError(f"'{home.store.path}' is damaged: its gap cannot be read") from None


def acknowledge(home: Home, code: str) -> None:
    """Record that the operator knows of a finding, which then ends.

    Raises:
        ConflictError: there is nothing of this kind to acknowledge.
    """
    home.assert_sound()
    with home.store.write():
        text = settings.read(home.store, ACKNOWLEDGED[code])
        if text is None:
            raise ConflictError(
                f"there is no {code} to acknowledge", hint="sipca check says what there is"
            )
        settings.write(home.store, ACKNOWLEDGED[code], None)
        home.record(Event("acknowledged", code, {"said": text}))
    for leftover in home.path.glob(f"{RESTORING}*"):  # of a restore that was killed at its end
        shutil.rmtree(leftover, ignore_errors=True)
    home.step("acknowledged")
