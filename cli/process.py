"""The process that a command runs in: exit codes of its own, and when it collects garbage."""

from __future__ import annotations

import gc

INTERRUPTED = 130
UNHEARD = 8
"""The exit code when nobody reads stdout any more: that of a full disk behind it."""


def enable_garbage_collection() -> None:
    """Turn garbage collection on for a long run, without scanning what is loaded already."""
    gc.freeze()
    gc.enable()
