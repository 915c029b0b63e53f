"""Waiting for a fact, however long a busy machine takes for it."""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST = 60.0
"""Seconds: so much that nothing but a fault lets it pass."""


def until(holds: Callable[[], object], *, pause: float = 0.02) -> bool:
    """Wait until something holds; whether it did before the longest time was over."""
    end = time.monotonic() + LONGEST
    while not holds():
        if time.monotonic() >= end:
            return False
        time.sleep(pause)
    return True
