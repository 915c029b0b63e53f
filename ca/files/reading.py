"""The only reader of input: regular files and named pipes, bounded."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ca.errors import MalformedError, NotFoundError, StoreError

MAX_INPUT = 256 * 1024
"""Octets of input read at the most; the largest honest CSR is a hundredth of it."""


def read_bounded(path: Path, *, limit: int = MAX_INPUT, pipes: bool = False) -> bytes:
    """The contents of a file of at most ``limit`` octets.

    ``pipes``: the operator named this very path for this one reading, so it may also be a pipe
    (``<(...)``, ``/dev/stdin``), which is read to its end or to the limit, and cannot be read
    again. What is found in a folder may not: a pipe without a writer would be waited for.

    Raises:
        NotFoundError: there is no such file.
        MalformedError: it is longer than ``limit``, a folder, or no regular file.
        StoreError: it cannot be read.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - a batch reads thousands
        if stat.S_ISDIR(found.st_mode):
            raise MalformedError(f"'{path}' is a folder, not a regular file")
        if not (pipes or stat.S_ISREG(found.st_mode)):
            raise MalformedError(f"'{path}' is a pipe or a device, not a regular file")
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            data = file.read(min(found.st_size, limit) + 1)
            while len(data) != found.st_size and len(data) <= limit and (more := file.read(limit)):
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
    """The first octets of a file, to see what it is.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise StoreError(f"'{path}' cannot be read: {error.strerror}") from None


def is_device(path: Path) -> bool:
    """Whether this takes octets without being a file: a pipe, a terminal, ``/dev/stdout``.

    That leads to a file where the caller sent it to one, and is no link of anybody's all the same.
    """
    if not path.exists() or path.is_dir():
        return False
    return not path.is_file() or path.absolute().parts[1:2] in (("dev",), ("proc",))
