"""Opening the register (nothing else opens SQLite), write transactions, errors of SQLite."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sized
from pathlib import Path
from typing import Literal

from ca.errors import MalformedError, StoreError

VERSION = 9
"""``PRAGMA user_version`` of this program's schema; each migration raises it by one."""
APPLICATION_ID = 0x53495043
"""``PRAGMA application_id``, "SIPC": tells our databases from those of other programs."""
BUSY_SECONDS = 30
"""How long a command waits for a locked register."""
SMALL_REGISTER = 16 << 20
"""Octets of a register that can be read whole in a quarter of a second."""
READER_BUSY_SECONDS = 0.1
"""How long a server waits for a locked register before it answers from memory."""
Mode = Literal["rw", "ro", "immutable"]
"""How a register is open: for reading and writing, for reading, for reading without locks."""


class LockedError(StoreError):
    """Another program has locked the register; trying again later may succeed."""


class Store:
    """An open register. Reading needs no transaction; writing needs ``with store.write():``."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        *,
        mode: Mode = "rw",
        busy_seconds: float = BUSY_SECONDS,
        mark: tuple[int, ...] | None = None,
    ) -> None:
        self.connection = connection
        """For ``ca.store`` only; other packages call its functions, each named after its query."""
        self.path = path
        self.mode = mode
        self._busy_seconds = busy_seconds
        self._mark = mark
        self.has_written = False
        self.changed: list[tuple[str, str | int]] = []
        """Rows of state, by table and key, changed by this transaction and not yet in an event."""

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One write transaction (BEGIN IMMEDIATE); nothing slow belongs inside.

        A change of state that no event records is a bug, and is not committed.

        Raises:
            StoreError: the register is open for reading only.
        """
        self.assert_writable()
        self.connection.execute("BEGIN IMMEDIATE")
        self.changed.clear()
        try:
            yield self.connection
            assert not self.changed, f"no event records {self.changed}"
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # on a full disk SQLite itself rolled back
                self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        self.has_written = True

    def merge_wal(self) -> None:
        """Move what this process wrote from the -wal into the database file, and empty the -wal.

        SQLite does so when the last connection closes, which is not ours while a server runs. A
        -wal left behind would be merged into a backup that is put in the file's place.
        """
        if self.has_written:
            with contextlib.suppress(sqlite3.Error):  # somebody is reading: the next writer does it
                self.connection.execute("PRAGMA busy_timeout = 200")
                self.checkpoint()

    def checkpoint(self) -> None:
        """Merge the -wal into the database file, as far as no reader needs the older state."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def needs_upgrade(self) -> bool:
        """Whether the register has another schema than this program's: an older one."""
        return schema_version(self.connection) != VERSION

    def assert_writable(self) -> None:
        """Check that the register is open for writing, before files are written for its records.

        Raises:
            StoreError: it is open for reading only.
        """
        if self.mode != "rw":
            raise _not_writable(self.path)

    def assert_unchanged(self) -> None:
        """Check that nobody wrote to a register that is read without locks; else do nothing.

        Raises:
            StoreError: somebody wrote to it.
        """
        if self.mode == "immutable" and mark_of(self.path) != self._mark:
            raise StoreError(
                f"'{self.path}' was changed while it was read", hint="run the command again"
            )

    def assert_supported(self) -> None:
        """Check, for servers, that this is still a register, and not of a newer sipca.

        Raises:
            StoreError: it is not; another program changed it.
        """
        _assert_known(self.connection, self.path)

    def assert_whole(self) -> None:
        """Check that the pages of the file are consistent.

        Raises:
            StoreError: they are not.
        """
        problem = self.first_damage()
        if problem is not None:
            raise _damaged(self.path, problem)

    def first_damage(self) -> str | None:
        """The first inconsistency of the file's pages in SQLite's words, or None."""
        (result,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        return None if result == "ok" else str(result).splitlines()[-1]

    def data_version(self) -> int:
        """A number that changes when another connection has changed the register."""
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

    @contextlib.contextmanager
    def translating_errors(self) -> Iterator[None]:
        """Raise SQLite's errors as ``StoreError`` at once: for servers, which keep the store open.

        Raises:
            StoreError: the register cannot be used now.
        """
        try:
            yield
        except sqlite3.Error as error:
            raise _store_error(error, self.path, self._busy_seconds) from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Let several queries read the same state of the register."""
        self.connection.execute("BEGIN")
        try:
            yield self.connection
        finally:
            self.connection.execute("ROLLBACK")


@contextlib.contextmanager
def open_store(
    path: Path,
    *,
    create: bool = False,
    read_only: bool = False,
    busy_seconds: float | None = None,
) -> Iterator[Store]:
    """Open the register at ``path``, close it at the end, and raise SQLite's errors as ours.

    It is open for reading only with ``read_only``, or if this user may not write to it.

    Raises:
        StoreError: not a database, damaged, locked for too long, full, read-only, or written by a
            newer version of sipca.
    """
    if busy_seconds is None:
        busy_seconds = READER_BUSY_SECONDS if read_only else BUSY_SECONDS
    mark = mark_of(path)
    try:
        if create:
            _create(path)
        mode: Mode = "rw" if not read_only and os.access(path, os.W_OK) else "ro"
        connection, mode = _connect(path, mode, busy_seconds, is_new=create)
        store = Store(connection, path, mode=mode, busy_seconds=busy_seconds, mark=mark)
        try:
            yield store
            store.assert_unchanged()
        except sqlite3.Error:
            store.assert_unchanged()
            raise
        except Exception as error:
            _raise_if_damaged(store, error)
            raise
        finally:
            store.merge_wal()
            connection.close()
    except sqlite3.Error as error:
        raise _store_error(error, path, busy_seconds) from error


def _raise_if_damaged(store: Store, error: Exception) -> None:
    """Blame an unexpected error on the register if it is damaged.

    A certificate that cannot be read may come from the register or from the operator's file: for
    such an error only a small register is examined.

    Raises:
        StoreError: the register is damaged.
    """
    from ca.store.damage import UNEXPECTED, find_damage

    small = isinstance(error, MalformedError) and store.path.stat().st_size <= SMALL_REGISTER
    if not small and not isinstance(error, UNEXPECTED):
        return
    with contextlib.suppress(sqlite3.Error):
        store.connection.execute("ROLLBACK")
    problem = find_damage(store)
    if problem is not None:
        raise _damaged(store.path, problem) from error


def _damaged(path: Path, what: object) -> StoreError:
    hint = "restore the last copy of the folder"
    log = mark_of(path.with_name(f"{path.name}-wal"))
    if log is not None and log[2] > 0:  # perhaps the -wal of another file, which was here before
        hint += f"; remove '{path.name}-wal' and '{path.name}-shm' before it is put in place"
    return StoreError(f"'{path}' is damaged: {what}", hint=hint)


def placeholders(values: Sized) -> str:
    """SQL placeholders for the values of an IN (...); SQLite takes at most some 32,000."""
    return ",".join("?" * len(values))


def mark_of(path: Path | str) -> tuple[int, ...] | None:
    """Device, inode, size and times of a file: another mark means another or a changed file.

    None if there is no such file.
    """
    try:
        stat = os.stat(path)  # noqa: PTH116 - takes half as long as Path.stat, at every live answer
    except OSError:
        return None
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def schema_version(connection: sqlite3.Connection) -> int:
    """``PRAGMA user_version``: the number of the last migration applied; 0 in an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _create(path: Path) -> None:
    """Create an empty file with mode 0600; SQLite gives -wal and -shm the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    if os.name == "posix":
        path.chmod(0o600)


def create_plain(path: Path) -> sqlite3.Connection:
    """Create an empty private file and open it, without -wal, to copy a register into it."""
    _create(path)
    return _open(path, "mode=rw", BUSY_SECONDS)


def _connect(
    path: Path, mode: Mode, busy_seconds: float, *, is_new: bool
) -> tuple[sqlite3.Connection, Mode]:
    connection = _open(path, f"mode={mode}", busy_seconds)
    try:
        if not _can_read_with_locks(connection, path):
            connection.close()
            mode, connection = "immutable", _open(path, "mode=ro&immutable=1", busy_seconds)
        if not is_new:
            _assert_known(connection, path)
        for pragma in _WRITING if mode == "rw" else ():
            connection.execute(f"PRAGMA {pragma}")
    except UnicodeDecodeError:  # SQLite's message quotes a damaged schema
        connection.close()
        raise _damaged(path, "its schema is not UTF-8") from None
    except BaseException:
        connection.close()
        raise
    return connection, mode


def _assert_known(connection: sqlite3.Connection, path: Path) -> None:
    version = schema_version(connection)
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"'{path}' is not a register of sipca", hint="choose another --home")
    if version > VERSION:
        raise StoreError(
            f"'{path}' was written by a newer sipca (schema {version}; this one knows {VERSION})",
            hint="upgrade sipca; nothing was changed",
        )


_WRITING = (
    "journal_mode = WAL",
    "foreign_keys = ON",
    "recursive_triggers = ON",  # else INSERT OR REPLACE bypasses the delete triggers
    "secure_delete = ON",  # else deleted key blobs stay readable in free pages
    "synchronous = FULL",
)


def _open(path: Path, query: str, busy_seconds: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?{query}", uri=True, timeout=busy_seconds, isolation_level=None
    )


def _can_read_with_locks(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether a register can be read with locks; if not, it may be read without.

    A WAL database is read through its -shm file. If there is none and this user may not write to
    the folder (a read-only mount, mode 0555), SQLite can only read the file as ``immutable``: no
    locks, no -wal. That is correct if the -wal is empty, since the file then holds all that was
    committed, and if nobody writes. A writer appends to a -wal first, so the file keeps its state
    until the -wal is merged into it, and this changes the file's mark: ``assert_unchanged``
    compares it at the end, a server at each poll.

    Raises:
        StoreError: there is a -wal with content, which cannot be read.
    """
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        folder = path.resolve().parent
        if error.sqlite_errorcode & 0xFF not in _NO_SHM or os.access(folder, os.W_OK):
            raise
        wal = mark_of(folder / f"{path.name}-wal")
        if wal is not None and wal[2] > 0:
            raise StoreError(
                f"'{path}-wal' holds changes that cannot be read in a folder that is not writable",
                hint="run 'sipca status' once as the folder's owner where it is writable",
            ) from None
        return False
    return True


_NO_SHM = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR)


def _not_writable(path: Path) -> StoreError:
    return StoreError(
        f"'{path}' is open for reading only: this user may not write to it",
        hint="run the command as the folder's owner, where it is writable; list, show, export, "
        "check and serve only read",
    )


def _store_error(error: sqlite3.Error, path: Path, busy_seconds: float) -> StoreError:
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return LockedError(
            f"'{path}' has been locked by another program for {busy_seconds} s",
            hint="wait for the other program or stop it, then run the command again",
        )
    if "full" in text:
        return StoreError(
            f"the disk of '{path}' is full",
            hint="what was recorded is kept; free some space and run the command again",
        )
    if "readonly" in text or "read-only" in text:
        return _not_writable(path)
    if "unable to open" in text:
        return StoreError(f"'{path}' cannot be opened", hint="check the folder's owner and mode")
    if "not a database" in text or "malformed" in text or "no such" in text or "decode" in text:
        return _damaged(path, error)
    if "append-only" in text or "constraint" in text:
        return StoreError(f"the register refuses this change: {error}")
    return StoreError(f"'{path}' cannot be used: {error}")
