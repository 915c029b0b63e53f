"""The process that a command runs in: its exit codes, when it collects garbage, how it ends."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading

INTERRUPTED = 130
UNHEARD = 8
"""The exit code when nobody reads stdout any more: that of a full disk behind it."""


def enable_garbage_collection() -> None:
    """Turn garbage collection on for a long run, without scanning what is loaded already."""
    gc.freeze()
    gc.enable()


def leave(code: int) -> None:
    """End the process without taking its modules apart, a fifth of the time of a short command.

    What was registered for the end is done, and what was printed is out. With threads still
    running, under a debugger or a profiler, the end is the usual one.
    """
    if threading.active_count() > 1 or sys.gettrace() or sys.getprofile():
        sys.exit(code)
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # the usual end knows what to do where nobody reads
        sys.exit(code)
    os._exit(code)
