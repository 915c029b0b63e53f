"""Bounded reading of regular files and pipes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ca.errors import MalformedError, NotFoundError, StoreError

MAX_INPUT = 256 * 1024
"""The most octets read from an input file; genuine CSRs have at most a hundredth of it."""


def read_bounded(path: Path, *, limit: int = MAX_INPUT, pipes: bool = False) -> bytes:
    """Read a whole file of at most ``limit`` octets.

    ``pipes``: the path may also be a pipe (``<(...)``, ``/dev/stdin``), which can be read only
    once. Set it only for a path that the operator gave: a pipe found in a folder may have no
    writer, and reading it would wait forever.

    Raises:
        NotFoundError: there is no such file.
        MalformedError: it is longer than ``limit``, or a folder, or not a regular file.
        StoreError: it cannot be read.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - a batch reads thousands
        if stat.S_ISDIR(status.st_mode):
            raise MalformedError(f"'{path}' is a folder, not a regular file")
        if not (pipes or stat.S_ISREG(status.st_mode)):
            raise MalformedError(f"'{path}' is a pipe or a device, not a regular file")
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            data = file.read(min(status.st_size, limit) + 1)
            while len(data) != status.st_size and len(data) <= limit and (more := file.read(limit)):
                data += more
    except FileNotFoundError:
        raise NotFoundError(f"there is no file '{path}'", hint="check the path") from None
    except OSError as error:
        raise StoreError(f"'{path}' cannot be read: {error.strerror}") from None
    if len(data) > limit:
        raise MalformedError(
            f"'{path}' has more than {limit} octets, the most that is read",
            hint="check that it is the file that was meant, and holds nothing else",
        )
    return data


def start_of(path: Path, size: int) -> bytes:
    """Read the first ``size`` octets of a file.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise StoreError(f"'{path}' cannot be read: {error.strerror}") from None


def is_device(path: Path) -> bool:
    """Whether a path is not a file but can be written to: a pipe, a terminal, ``/dev/stdout``.

    ``/dev/stdout`` counts even when it is redirected to a file.
    """
    if not path.exists() or path.is_dir():
        return False
    return not path.is_file() or path.absolute().parts[1:2] in (("dev",), ("proc",))
