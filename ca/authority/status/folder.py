"""The folder of a home as ``check`` sees it: modes, and what is not sipca's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from ca.authority.home import DATABASE, Home
from ca.authority.status.examined_keys import EXAMINED_KEYS
from ca.errors import StoreError
from ca.lint.homes import Folder
from ca.names.text import printable

REGISTER = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal")
KNOWN = frozenset((*REGISTER, "apply.lock", "public", EXAMINED_KEYS))
"""What sipca puts into a home; a command that puts something else there adds it here."""
OPERATORS = ("profiles", "targets")
"""Folders of the operator's own, of TOML files alone."""
_PASSING = re.compile(
    r"\.init-[0-9a-f]{16}\.db.*|\.restore-[0-9a-f]{16}|\..+\.[0-9a-f]{8}\.tmp|\.nfs[0-9a-f]+"
)
"""What is being written, or what a file server keeps while it is open."""
PASSED_AFTER = timedelta(hours=1)
"""After so long what was being written was left by a killed process."""
_OF_THE_SYSTEM = frozenset(("lost+found", ".DS_Store", "Thumbs.db", "desktop.ini"))
_MOST = 100


def look_at_folder(home: Home) -> Folder:
    """The facts of a home's folder.

    Raises:
        StoreError: the folder cannot be listed.
    """
    path = home.path.absolute()
    try:
        strays = _strays(path, home.now())
        named = tuple(printable(each) for each in islice(strays, _MOST))
        more = sum(1 for _ in strays)
        mode, modes = _modes(path)
    except OSError as error:
        raise StoreError(
            f"'{path}' cannot be listed: {error.strerror}", hint="check the folder's owner and mode"
        ) from None
    return Folder(str(path), mode, modes, named, more)


def _modes(path: Path) -> tuple[int | None, tuple[tuple[str, int], ...]]:
    if os.name != "posix":
        return None, ()
    files = [(name, path / name) for name in REGISTER]
    modes = [(name, file.stat().st_mode & 0o777) for name, file in files if file.exists()]
    return path.stat().st_mode & 0o777, tuple(modes)


def _strays(path: Path, now: datetime) -> Iterator[str]:
    """Names of what is not sipca's, with the folder where it is not the home itself."""
    for entry in _entries(path):
        if entry.name in OPERATORS and entry.is_dir():
            for file in _entries(path / entry.name):
                if not file.name.endswith(".toml") and not _is_passing(file, now):
                    yield f"{entry.name}/{file.name}"
        elif entry.name not in KNOWN and not _is_passing(entry, now):
            yield entry.name


def _entries(path: Path) -> list[os.DirEntry[str]]:
    return sorted(os.scandir(path), key=lambda each: each.name)


def _is_passing(entry: os.DirEntry[str], now: datetime) -> bool:
    if entry.name in _OF_THE_SYSTEM:
        return True
    if not _PASSING.fullmatch(entry.name):
        return False
    try:
        written = entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return True  # it passed just now
    return now.timestamp() - written <= PASSED_AFTER.total_seconds()
