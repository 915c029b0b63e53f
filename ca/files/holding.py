"""Locks that other processes wait for: on a file of their own, or on a folder itself."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ca.errors import StoreError
from ca.files.writing import translated

HOLD_TRIES, HOLD_PAUSE = 30_000, 0.02
"""How often, and how many seconds apart, a folder that another process holds is asked for."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that other processes wait for; it ends with the process, however that ends.

    Raises:
        StoreError: the lock file cannot be opened.
    """
    with translated(path):
        file = path.open("ab")
    with file:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        elif sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        yield


@contextlib.contextmanager
def held_folder(path: Path) -> Iterator[None]:
    """Hold a folder so that no other sipca looks at its files and then writes them meanwhile.

    The lock is on the folder itself: nothing is left in it, processes of every home share it,
    and it ends with its holder, however that ends. Where a folder cannot be locked (Windows, a
    folder that may not be listed) nothing is held: files still never replace others unasked.

    Raises:
        StoreError: another process holds it for ten minutes.
    """
    descriptor = None
    if os.name == "posix":
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    if descriptor is None:
        yield
        return
    try:
        _take_lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _take_lock(descriptor: int, path: Path) -> None:
    import fcntl
    import time

    for _ in range(HOLD_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(HOLD_PAUSE)
        except OSError:  # a file system without such locks
            return
        else:
            return
    raise StoreError(
        f"another sipca has been writing to '{path}' for ten minutes",
        hint="end it, or wait, and run the command again",
    )
