"""The only writer of files and the only reader of input: modes from creation, atomic, bounded.

Knows nothing of what is inside them. POSIX modes and directory fsync are skipped where the
platform has none (Windows); everything else is the same there.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import Literal

from ca.errors import ConflictError, MalformedError, NotFoundError, StoreError

PRIVATE, PUBLIC = 0o600, 0o644
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
        raise MalformedError(f"'{path}' has more than {limit} octets, the most that is read")
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
    meantime. The mode holds from creation, whatever
    the umask. Not ``durable``: without waiting for the disk, for files that are soon made again.
    Without ``settle`` the caller syncs the folder, once for many files.

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
    with _translated(path):
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
        with _translated(path), path.open("ab") as device:
            device.writelines(pieces)
        return
    temporary = Path(_temporary(path))
    with _translated(path):
        try:
            _write_new(temporary, pieces, PUBLIC, durable=True)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def is_device(path: Path) -> bool:
    """Whether this takes octets without being a file: a pipe, a terminal, ``/dev/stdout``.

    That leads to a file where the caller sent it to one, and is no link of anybody's all the same.
    """
    if not path.exists() or path.is_dir():
        return False
    return not path.is_file() or path.absolute().parts[1:2] in (("dev",), ("proc",))


class Spool:
    """Octets put aside until they are wanted again: in memory while few, else in a file.

    The file has no name, so nothing of it stays behind, however this process ends.
    """

    def __init__(self, folder: Path) -> None:
        import tempfile

        self._folder = folder
        self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by its user
            max_size=1 << 20, dir=str(folder)
        )
        self.size = 0

    def write(self, data: bytes) -> None:
        """Put octets aside.

        Raises:
            StoreError: the disk does not take them.
        """
        with _translated(self._folder):
            self._file.write(data)
        self.size += len(data)

    def read(self) -> Iterator[bytes]:
        """All octets, from the first, in pieces."""
        self._file.seek(0)
        while piece := self._file.read(1 << 18):
            yield piece

    def close(self) -> None:
        """Let go of the octets."""
        self._file.close()


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip of some files; the same files give the same octets (no times, one mode)."""
    import io
    import zipfile

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = PUBLIC << 16
            archive.writestr(entry, data)
    return target.getvalue()


def conflicts(path: Path, data: bytes | None) -> bool:
    """Whether something else than ``data`` is at ``path``; None stands for content not yet known.

    Raises:
        StoreError: it cannot be read.
    """
    return _compared(path, data) == "other"


def _compared(path: Path, data: bytes | None) -> Literal["absent", "same", "other"]:
    """What is at ``path`` beside ``data``; with None for data, anything that is there is other."""
    with _translated(path):
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
    with _translated(path):
        if path.is_dir():
            return False
        path.mkdir(parents=True, exist_ok=True, mode=0o777 if mode is None else mode)
        if mode is not None and os.name == "posix":
            path.chmod(mode)
        return True


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that other processes wait for; it ends with the process, however that ends.

    Raises:
        StoreError: the lock file cannot be opened.
    """
    with _translated(path):
        file = path.open("ab")
    with file:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        elif sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        yield


HOLD_TRIES, HOLD_PAUSE = 30_000, 0.02
"""How often, and how many seconds apart, a folder that another process holds is asked for."""


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
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"'{path}' cannot be written: {error.strerror or error}") from None
