"""The files of presigned answers: read, replaced and removed only if sipca wrote them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ca.authority.own_files import Ours, is_answer, refuse_foreign
from ca.errors import ConflictError, StoreError
from ca.files import make_folder, write_atomic
from ca.files.writing import store_errors
from ca.revocation.presigned import LONGEST

OUT = "choose another --out, or remove it"
_LARGEST = 1 << 20
"""Octets; an answer has some thousand."""
_FLAGS = ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")
_READ = os.O_RDONLY | sum(getattr(os, each, 0) for each in _FLAGS)


class AnswerFiles:
    """The folder of the answers, in which only files of an earlier call are replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root = f"{folder}{os.sep}"
        self._known = {""}

    def check(self, path: str, ours: Ours) -> None:
        """Check that a file may be replaced or removed, and that no folder above it is a link.

        Raises:
            ConflictError: it is not ours, or a folder is a link.
        """
        self._check_above(path)
        refuse_foreign(self.folder / path, ours, hint=OUT)

    def read(self, path: str) -> bytes | None:
        """The answer in a file, or None if there is none.

        An answer where its folder has to be is removed: sipca named files otherwise once.

        Raises:
            ConflictError: there is something else, or a folder is a link.
            StoreError: it cannot be read.
        """
        self._check_above(path)
        try:
            file = os.open(self._root + path, _READ)
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            self._make_way(path)
            return None
        except OSError as error:
            self.check(path, is_answer)
            raise _unreadable(self.folder / path, error) from None
        try:
            is_file = stat.S_ISREG(os.fstat(file).st_mode)
            data = os.read(file, _LARGEST) if is_file else b""
        finally:
            os.close(file)
        if not is_file or not hasattr(os, "O_NOFOLLOW") or not is_answer(data):
            self.check(path, is_answer)
        return data

    def write(self, path: str, data: bytes) -> None:
        """Write an answer whose place was read before."""
        place = self.folder / path
        if "/" in path:
            make_folder(place.parent)
        write_atomic(place, data, overwrite=True, durable=False)

    def remove(self, path: str) -> None:
        """Remove an answer; a folder that took its place is left.

        Raises:
            ConflictError: there is something else, or a folder is a link.
        """
        place = self.folder / path
        if place.is_dir() and not place.is_symlink():
            return
        self.check(path, is_answer)
        with store_errors(place):
            place.unlink(missing_ok=True)

    def _make_way(self, path: str) -> None:
        parts = path.split("/")
        for count in range(1, len(parts)):
            above = "/".join(parts[:count])
            if (self.folder / above).is_file():
                self.remove(above)
                return

    def _check_above(self, path: str) -> None:
        above = path.rpartition("/")[0]
        if above in self._known:
            return
        parts = above.split("/")
        for count in range(1, len(parts) + 1):
            place = self.folder.joinpath(*parts[:count])
            if place.is_symlink():
                raise ConflictError(
                    f"'{place}' is a symbolic link, which is not followed", hint=OUT
                )
        self._known.add(above)


@contextlib.contextmanager
def lines_of(path: Path) -> Iterator[Iterator[bytes]]:
    """The lines of a file, none if there is no file; one that has no end is given in pieces.

    Raises:
        StoreError: it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = None if path.is_symlink() else stack.enter_context(path.open("rb"))
        except (FileNotFoundError, IsADirectoryError):
            file = None
        except OSError as error:
            raise _unreadable(path, error) from None
        yield iter(()) if file is None else iter(lambda: file.readline(LONGEST), b"")


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"'{path}' cannot be read: {error.strerror or error}")
