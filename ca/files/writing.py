"""Write whole files: atomically, durably, with their mode from creation, never over other files
unasked.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import Literal

import msgspec

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
    sync_parent: bool = True,
) -> None:
    """Write a file atomically: temporary file, fsync, rename into place.

    A file with the same content is left unchanged, also if another process wrote it meanwhile.
    The file has ``mode`` from creation, whatever the umask. ``durable=False`` does not wait for
    the disk, for files that will soon be written again. With ``sync_parent=False`` the caller
    syncs the folder, once for many files.

    Raises:
        ConflictError: there is another file and ``overwrite`` is not set, or the path of a
            private file is a symbolic link.
        StoreError: the folder or disk cannot be written.
    """
    if mode == PRIVATE and path.is_symlink():
        raise ConflictError(
            f"'{path}' is a symbolic link", hint="a private file is never written through one"
        )
    state = _compare(path, data)
    if state == "same":
        return
    if state == "other" and overwrite and path.exists() and not path.is_file():
        raise ConflictError(f"'{path}' is not a regular file", hint="choose another place")
    if state == "other" and not overwrite:
        raise ConflictError(f"'{path}' exists with other content", hint="--overwrite replaces it")
    with store_errors(path):
        placed = None if overwrite else _place_nameless(path, data, mode, durable=durable)
        if placed is None:
            placed = _place(path, data, mode, durable=durable, overwrite=overwrite)
        if not placed and _compare(path, data) != "same":
            what = "is a dangling symbolic link" if path.is_symlink() else "was created meanwhile"
            raise ConflictError(f"'{path}' {what}", hint="--overwrite replaces it")
        if durable and sync_parent:
            sync_folder(path.parent)


def _place(path: Path, data: bytes, mode: int, *, durable: bool, overwrite: bool) -> bool:
    """Write a temporary file beside ``path`` and rename it; False if the name is taken."""
    temporary = _temporary(path)
    try:
        _write_new(temporary, [data], mode, durable=durable)
        if overwrite:
            os.replace(temporary, path)  # noqa: PTH105
            return True
        return link_into_place(temporary, path, sync_parent=False)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108


def _place_nameless(path: Path, data: bytes, mode: int, *, durable: bool) -> bool | None:
    """Like ``_place``, but from a file without a name, which a crash cannot leave behind.

    It changes the folder once instead of three times, in a third to a half of the time. None if
    the platform or file system does not support it.
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
            _write_all(file, [data], mode, durable=durable)
            try:  # a folder's descriptor makes this a linkat, which follows the link in /proc
                os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=place)
            except FileExistsError:
                return False
            except OSError:
                return None
    finally:
        os.close(place)
    return True


_STEM = 200
"""Octets of a file's name that its temporary one has; a file system takes 255."""


def _temporary(path: Path) -> str:
    """A random hidden name in the folder of ``path``, not longer than a file system takes."""
    folder, name = os.path.split(path)
    if len(octets := os.fsencode(name)) > _STEM:
        name = octets[:_STEM].decode(errors="ignore")
    return os.path.join(folder, f".{name}.{os.urandom(4).hex()}.tmp")  # noqa: PTH118


def write_stream(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a public file atomically from pieces, replacing an existing one.

    A link to a file is replaced, not followed. A device is written to.

    Raises:
        StoreError: the folder or disk cannot be written.
    """
    if is_device(path):
        with store_errors(path), path.open("ab") as device:
            device.writelines(pieces)
        return
    temporary = Path(_temporary(path))
    with store_errors(path):
        try:
            _write_new(temporary, pieces, PUBLIC, durable=True)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def write_private_stream(path: Path, pieces: Iterable[bytes]) -> str:
    """Write a new private file atomically from pieces; returns its SHA-256 in hex digits.

    Raises:
        ConflictError: something of this name is there.
        StoreError: the folder or disk cannot be written.
    """
    digest = sha256()

    def hashed() -> Iterator[bytes]:
        for piece in pieces:
            digest.update(piece)
            yield piece

    temporary = Path(_temporary(path))
    taken = ConflictError(f"'{path}' exists, and is never overwritten", hint="choose another name")
    if path.is_symlink() or path.exists():
        raise taken
    with store_errors(path):
        try:
            _write_new(temporary, hashed(), PRIVATE, durable=True)
            if not _place_new(temporary, path):
                raise taken
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
    return digest.hexdigest()


def _place_new(temporary: Path, path: Path) -> bool:
    """Rename a finished file unless the name is taken, also where there are no hard links.

    There (FAT on a stick) an empty file holds the name until the rename.
    """
    try:
        return link_into_place(temporary, path, sync_parent=False)
    except StoreError:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
        except FileExistsError:
            return False
        temporary.replace(path)
        return True


class NewFile(msgspec.Struct, frozen=True):
    """A file to write: its path, its octets, and its mode if nothing is there yet."""

    path: Path
    data: bytes
    mode: int


class Written(msgspec.Struct, frozen=True):
    """A file that was written; ``same_owner`` is false if an earlier one was somebody else's."""

    path: Path
    same_owner: bool = True


def write_together(files: Sequence[NewFile]) -> list[Written]:
    """Write files that belong together, replacing earlier ones; returns those that changed.

    All are written and synced beside their places first, and then renamed in the order given: a
    full disk replaces nothing, and a reader sees each file whole. Two renames are not one: who
    reads between them sees the first file new and the second one old. A file that is replaced
    keeps its owner and group where this process may give them, and its mode, unless that lets
    others read what ``mode`` does not.

    Raises:
        ConflictError: a path has something that is not a regular file.
        StoreError: the folder or disk cannot be written; nothing was replaced.
    """
    changed = [file for file in files if _differs(file)]
    staged: list[tuple[str, Path, bool]] = []
    try:
        for file in changed:
            temporary = _temporary(file.path)
            with store_errors(file.path):
                same = _write_like(temporary, file)
            staged.append((temporary, file.path, same))
        for temporary, path, _ in staged:
            with store_errors(path):
                os.replace(temporary, path)  # noqa: PTH105
    finally:
        for temporary, _, _ in staged:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)  # noqa: PTH108
    for folder in {file.path.parent for file in changed}:
        sync_folder(folder)
    return [Written(path, same) for _, path, same in staged]


def _differs(file: NewFile) -> bool:
    if file.path.is_symlink():
        raise ConflictError(
            f"'{file.path}' is a symbolic link, which is not followed", hint="remove it"
        )
    if file.path.exists() and not file.path.is_file():
        raise ConflictError(f"'{file.path}' is not a regular file", hint="choose another place")
    return _compare(file.path, file.data) != "same"


def _write_like(temporary: str, file: NewFile) -> bool:
    """Write a temporary file with the owner and mode of the one it replaces; False without it."""
    try:
        present = os.stat(file.path)  # noqa: PTH116
    except FileNotFoundError:
        present = None
    done = False
    try:
        _write_new(temporary, [file.data], file.mode if present is None else PRIVATE, durable=True)
        same = present is None or _give(temporary, present, file.mode)
        done = True
    finally:
        if not done:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)  # noqa: PTH108
    return same


def _give(temporary: str, present: os.stat_result, mode: int) -> bool:
    """Give a file the owner, group and mode of another; False if it may not be given away."""
    if os.name != "posix":
        return True
    with contextlib.suppress(PermissionError):
        os.chown(temporary, -1, present.st_gid)
        os.chown(temporary, present.st_uid, -1)
    os.chmod(temporary, stat.S_IMODE(present.st_mode) & 0o777 & (0o770 | mode))  # noqa: PTH101
    now = os.stat(temporary)  # noqa: PTH116
    return (now.st_uid, now.st_gid) == (present.st_uid, present.st_gid)


def conflicts(path: Path, data: bytes | None) -> bool:
    """Whether there is something other than ``data`` at ``path``; None for data not yet known.

    Raises:
        StoreError: it cannot be read.
    """
    return _compare(path, data) == "other"


def holds(path: Path, pieces: Iterable[bytes]) -> bool:
    """Whether a regular file, not a link, has exactly this content.

    Raises:
        StoreError: it cannot be read.
    """
    with store_errors(path):
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        if not stat.S_ISREG(status.st_mode):
            return False
        with path.open("rb") as present:
            return all(present.read(len(each)) == each for each in pieces) and not present.read(1)


def _compare(path: Path, data: bytes | None) -> Literal["absent", "same", "other"]:
    """Compare what is at ``path`` with ``data``; if that is None, anything is "other"."""
    with store_errors(path):
        try:
            status = os.stat(path)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            return "absent"
        if data is None or not stat.S_ISREG(status.st_mode) or status.st_size != len(data):
            return "other"
        return "same" if path.read_bytes() == data else "other"


def sync_folder(path: Path) -> None:
    """Make the renames in this folder durable, where the platform supports it."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_into_place(temporary: Path | str, path: Path, *, sync_parent: bool = True) -> bool:
    """Rename a finished file unless the new name is taken; False if it is.

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
    if sync_parent:
        sync_folder(path.parent)
    return True


def _write_new(path: Path | str, pieces: Iterable[bytes], mode: int, *, durable: bool) -> None:
    descriptor = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode
    )
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        _write_all(file, pieces, mode, durable=durable)


def _write_all(file: FileIO, pieces: Iterable[bytes], mode: int, *, durable: bool) -> None:
    if os.name == "posix":
        os.fchmod(file.fileno(), mode)
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            rest = rest[file.write(rest) :]
    if durable:
        os.fsync(file.fileno())


@contextlib.contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` inside the ``with`` block into a ``StoreError`` that names the path."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"'{path}' cannot be written: {error.strerror or error}") from None
