"""The process that a command runs in: its exit codes, when it collects garbage, how it ends."""

from __future__ import annotations

import atexit
import gc
import os
import sys

INTERRUPTED = 130
UNHEARD = 8
"""The exit code when nobody reads stdout any more: that of a full disk behind it."""


def enable_garbage_collection() -> None:
    """Turn garbage collection on for a long run, without scanning what is loaded already."""
    gc.freeze()
    gc.enable()


class QuickEnd:
    """Ends the process without taking its modules apart, a fifth of the time of a short command.

    Registered with ``atexit`` before anything else, so that it is called last: threads have ended
    then, and what others registered is done. Under a debugger or coverage the end is the usual one.
    """

    def __init__(self) -> None:
        self.code: object = None
        """The exit code, once it is known."""
        atexit.register(self)

    def __call__(self) -> None:
        """Leave, if the code is known and everything printed could be written."""
        if not isinstance(self.code, int) or sys.gettrace() or sys.getprofile():
            return
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:  # the usual end knows what to do where nobody reads
            return
        os._exit(self.code)
