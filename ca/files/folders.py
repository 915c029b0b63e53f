"""Folders that files are written to: made where they are missing, judged beforehand."""

from __future__ import annotations

import os
from pathlib import Path

from ca.errors import StoreError
from ca.files.writing import store_errors


def check_folder(path: Path, *, named: str = "folder") -> None:
    """Check that files can be written to a folder, or that it could be made.

    ``named`` is what named it, for the hint: ``--out``.

    Raises:
        StoreError: it, or its nearest existing parent, is not a writable folder.
    """
    place = path
    while not place.exists() and place != place.parent:  # a drive may be missing whole
        if place.is_symlink():
            raise StoreError(
                f"'{place}' cannot be written: it is a dangling symbolic link", hint="remove it"
            )
        place = place.parent
    if not place.is_dir():
        raise StoreError(
            f"'{place}' cannot be written: it is not a folder", hint=f"choose another {named}"
        )
    if not os.access(place, os.W_OK | os.X_OK):
        raise StoreError(f"'{place}' cannot be written", hint="check the owner and mode of it")


def make_folder(path: Path, *, mode: int | None = None) -> bool:
    """Create a folder and its parents; True if it did not exist. ``mode`` ignores the umask.

    Raises:
        StoreError: it cannot be created, or there is a file of this name.
    """
    with store_errors(path):
        if path.is_dir():
            return False
        check_folder(path)
        path.mkdir(parents=True, exist_ok=True, mode=0o777 if mode is None else mode)
        if mode is not None and os.name == "posix":
            path.chmod(mode)
        return True
