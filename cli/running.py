"""The process that a command runs in: exit codes of its own, and when it collects garbage."""

from __future__ import annotations

import gc

INTERRUPTED = 130
UNHEARD = 8
"""Nobody reads what is printed any more: of the kind of a full disk behind stdout."""


def stay_long() -> None:
    """What runs long collects its garbage, but does not look for it among what is loaded."""
    gc.freeze()
    gc.enable()
