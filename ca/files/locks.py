"""Locks between processes: on a lock file, or on a folder itself."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ca.errors import StoreError
from ca.files.writing import store_errors

LOCK_TRIES, LOCK_PAUSE = 30_000, 0.02
"""How many times, and how many seconds apart, to try to lock a folder: ten minutes in all."""


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a lock file, waiting for it; it never outlives the process.

    Raises:
        StoreError: the lock file cannot be opened.
    """
    with store_errors(path):
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
def lock_folder(path: Path) -> Iterator[None]:
    """Lock a folder against other sipca processes that check and then write files in it.

    The lock is on the folder itself, so it leaves no file there, it works across homes, and it ends
    with the process at the latest. A folder that cannot be locked (on Windows, or without the
    permission to list it) is used without a lock: writes still never replace other files unasked.

    Raises:
        StoreError: another process has held the lock for ten minutes.
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

    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE)
        except OSError:  # a file system without such locks
            return
        else:
            return
    raise StoreError(
        f"another sipca has been writing to '{path}' for ten minutes",
        hint="stop it or wait for it, then run the command again",
    )
