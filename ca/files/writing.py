"""Writing whole files: modes from creation, atomic, durable, never over another file unasked."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import Literal

from ca.errors import ConflictError, StoreError
from ca.files.reading import is_device

PRIVATE, PUBLIC = 0o600, 0o644


def write_atomic(
    path: Path,
    data: bytes,
    *,
    mode: int = PUBLIC,
    overwrite: bool = False,
    durable: bool = True,
    settle: bool = True,
) -> None:
    """Write a file whole or not at all: temporary sibling, fsync, rename into place.

    A file of the same content is left as it is, also one that another process wrote in the
    meantime. The mode holds from creation, whatever the umask. Not ``durable``: without waiting
    for the disk, for files that are soon made again. Without ``settle`` the caller syncs the
    folder, once for many files.

    Raises:
        ConflictError: another file is there and ``overwrite`` is not set, or a symlink is
            where a private file should go.
        StoreError: the folder or disk does not take it.
    """
    if mode == PRIVATE and path.is_symlink():
        raise ConflictError(
            f"'{path}' is a symbolic link", hint="a private file is never written through one"
        )
    found = _compared(path, data)
    if found == "same":
        return
    if found == "other" and overwrite and path.exists() and not path.is_file():
        raise ConflictError(f"'{path}' is not a regular file", hint="choose another place")
    if found == "other" and not overwrite:
        raise ConflictError(f"'{path}' exists with other content", hint="--overwrite replaces it")
    with translated(path):
        placed = None if overwrite else _place_nameless(path, data, mode, durable=durable)
        if placed is None:
            placed = _place(path, data, mode, durable=durable, overwrite=overwrite)
        if not placed and _compared(path, data) != "same":
            what = "is a symbolic link to nothing" if path.is_symlink() else "appeared meanwhile"
            raise ConflictError(f"'{path}' {what}", hint="--overwrite replaces it")
        if durable and settle:
            sync_folder(path.parent)


def _place(path: Path, data: bytes, mode: int, *, durable: bool, overwrite: bool) -> bool:
    """Write a temporary sibling and give it the name; False if that is taken."""
    temporary = _temporary(path)
    try:
        _write_new(temporary, [data], mode, durable=durable)
        if overwrite:
            os.replace(temporary, path)  # noqa: PTH105
            return True
        return link_into_place(temporary, path, settle=False)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108


def _place_nameless(path: Path, data: bytes, mode: int, *, durable: bool) -> bool | None:
    """As ``_place``, from a file without a name: nothing is left behind however this ends.

    One change of the folder instead of three: a third to a half of the time. None where the
    platform or file system cannot do it.
    """
    folder, name = os.path.split(path)
    if not hasattr(os, "O_TMPFILE"):
        return None
    place = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            descriptor = os.open(folder or ".", os.O_WRONLY | os.O_TMPFILE, mode)
        except OSError:
            return None
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            _fill(file, [data], mode, durable=durable)
            try:  # a folder's descriptor makes this a linkat, which follows the link in /proc
                os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=place)
            except FileExistsError:
                return False
            except OSError:
                return None
    finally:
        os.close(place)
    return True


def _temporary(path: Path) -> str:
    """A hidden name beside ``path`` that nobody else has."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{os.urandom(4).hex()}.tmp")  # noqa: PTH118


def write_stream(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a public file whole or not at all from pieces, in the place of what is there.

    A link to a file is replaced, not followed.

    Raises:
        StoreError: the folder or disk does not take it.
    """
    if is_device(path):  # written to, never replaced
        with translated(path), path.open("ab") as device:
            device.writelines(pieces)
        return
    temporary = Path(_temporary(path))
    with translated(path):
        try:
            _write_new(temporary, pieces, PUBLIC, durable=True)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def conflicts(path: Path, data: bytes | None) -> bool:
    """Whether something else than ``data`` is at ``path``; None stands for content not yet known.

    Raises:
        StoreError: it cannot be read.
    """
    return _compared(path, data) == "other"


def _compared(path: Path, data: bytes | None) -> Literal["absent", "same", "other"]:
    """What is at ``path`` beside ``data``; with None for data, anything that is there is other."""
    with translated(path):
        try:
            found = os.stat(path)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            return "absent"
        if data is None or not stat.S_ISREG(found.st_mode) or found.st_size != len(data):
            return "other"
        return "same" if path.read_bytes() == data else "other"


def make_folder(path: Path, *, mode: int | None = None) -> bool:
    """Make a folder and its parents; True if it was not there. With ``mode`` whatever the umask.

    Raises:
        StoreError: it cannot be made, or a file is in the way.
    """
    with translated(path):
        if path.is_dir():
            return False
        path.mkdir(parents=True, exist_ok=True, mode=0o777 if mode is None else mode)
        if mode is not None and os.name == "posix":
            path.chmod(mode)
        return True


def sync_folder(path: Path) -> None:
    """Make a rename in this folder durable, where the platform can."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_into_place(temporary: Path | str, path: Path, *, settle: bool = True) -> bool:
    """Give a finished file its name unless the name is taken; False if it was.

    Raises:
        StoreError: the file system has neither hard links nor exclusive rename.
    """
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:
        if sys.platform != "win32":  # FAT and some network drives have no hard links
            raise StoreError(
                f"'{path.parent}' is on a file system without hard links",
                hint="keep the CA home on a local disk",
            ) from None
        try:
            Path(temporary).rename(path)  # on Windows rename refuses to replace
        except FileExistsError:
            return False
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)  # noqa: PTH108
    if settle:
        sync_folder(path.parent)
    return True


def _write_new(path: Path | str, pieces: Iterable[bytes], mode: int, *, durable: bool) -> None:
    descriptor = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode
    )
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        _fill(file, pieces, mode, durable=durable)


def _fill(file: FileIO, pieces: Iterable[bytes], mode: int, *, durable: bool) -> None:
    if os.name == "posix":
        os.fchmod(file.fileno(), mode)
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            rest = rest[file.write(rest) :]
    if durable:
        os.fsync(file.fileno())


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Where writing fails: an error that names the path, instead of the system's own."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"'{path}' cannot be written: {error.strerror or error}") from None
