"""The one function that opens SQLite, the write transaction, and what its errors mean."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sized
from pathlib import Path
from typing import Literal

from ca.errors import MalformedError, StoreError

VERSION = 6
"""``PRAGMA user_version`` of the schema that this program knows; migrations raise it."""
APPLICATION_ID = 0x53495043
"""``PRAGMA application_id``: "SIPC", so that another program's database is not taken for ours."""
BUSY_SECONDS = 30
SMALL = 16 << 20
"""Octets of a register that is read whole in a quarter of a second."""
READER_SECONDS = 0.1
"""How long a server waits for a locked register before it falls back on what it knows."""
Way = Literal["rw", "ro", "immutable"]
"""How a register is open: to be written, to be read, to be read without locks."""


class LockedError(StoreError):
    """Another program holds the register; it will be let go."""


class Store:
    """An open register. Reads need nothing; writes only inside ``with store.write():``."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        *,
        way: Way = "rw",
        patience: float = BUSY_SECONDS,
        mark: tuple[int, ...] | None = None,
    ) -> None:
        self.connection = connection
        """For ``ca.store`` alone; others call a method that is named after their question."""
        self.path = path
        self.way = way
        self._patience = patience
        self._mark = mark
        self.has_written = False
        self.changed: list[tuple[str, str | int]] = []
        """Rows of state, by table and key, that this transaction changed and no event tells yet."""

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One write transaction (BEGIN IMMEDIATE); nothing slow belongs inside.

        State that was changed without an event that tells it is a bug, and is not committed.

        Raises:
            StoreError: the register was opened for reading only.
        """
        self.assert_writable()
        self.connection.execute("BEGIN IMMEDIATE")
        self.changed.clear()
        try:
            yield self.connection
            assert not self.changed, f"no event tells of {self.changed}"
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # on a full disk SQLite itself rolled back
                self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        self.has_written = True

    def merge_log(self) -> None:
        """Have the file itself hold all that was written, and the -wal beside it nothing.

        The last to close does so anyway; while a server has the register open there is another, and
        a log left beside the file would be merged into a copy that is put in its place.
        """
        if self.has_written:
            with contextlib.suppress(sqlite3.Error):  # somebody is reading: the next one does it
                self.connection.execute("PRAGMA busy_timeout = 200")
                self.checkpoint()

    def checkpoint(self) -> None:
        """Merge what was written into the file, as far as nobody reads what stood there before."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def needs_upgrade(self) -> bool:
        """Whether it is of an older schema than this program's."""
        return schema_version(self.connection) != VERSION

    def assert_writable(self) -> None:
        """It is open for writing: asked before files are made for what will be recorded.

        Raises:
            StoreError: it is open for reading only.
        """
        if self.way != "rw":
            raise _not_writable(self.path)

    def assert_unchanged(self) -> None:
        """What was read without locks stood still meanwhile; with locks there is nothing to ask.

        Raises:
            StoreError: somebody wrote to it.
        """
        if self.way == "immutable" and mark_of(self.path) != self._mark:
            raise StoreError(
                f"'{self.path}' was changed while it was read", hint="run the command again"
            )

    def assert_known(self) -> None:
        """It is still a register of sipca's, and of no newer one: for servers.

        Raises:
            StoreError: another program has changed that.
        """
        _assert_known(self.connection, self.path)

    def assert_whole(self) -> None:
        """The pages of the file belong together.

        Raises:
            StoreError: they do not.
        """
        (said,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise _damaged(self.path, said)

    def data_version(self) -> int:
        """A number that changes when another connection has changed the register."""
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Say in our words what SQLite says, at once: for servers, which never close the store.

        Raises:
            StoreError: the register cannot be used now.
        """
        try:
            yield
        except sqlite3.Error as error:
            raise _translated(error, self.path, self._patience) from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several reads of one state."""
        self.connection.execute("BEGIN")
        try:
            yield self.connection
        finally:
            self.connection.execute("ROLLBACK")


@contextlib.contextmanager
def open_store(path: Path, *, create: bool = False, read_only: bool = False) -> Iterator[Store]:
    """Open the register at ``path``, close it at the end, translate what SQLite says.

    Where this user may not write it, and with ``read_only``, it is open for reading alone.

    Raises:
        StoreError: not a database, damaged, locked for 30 s, full, read-only, or written by a
            newer version of sipca.
    """
    patience, mark = READER_SECONDS if read_only else BUSY_SECONDS, mark_of(path)
    try:
        if create:
            _create(path)
        way: Way = "rw" if not read_only and os.access(path, os.W_OK) else "ro"
        connection, way = _connect(path, way, patience, is_new=create)
        store = Store(connection, path, way=way, patience=patience, mark=mark)
        try:
            yield store
            store.assert_unchanged()
        except sqlite3.Error:
            store.assert_unchanged()
            raise
        except Exception as error:
            _blame_damage(store, error)
            raise
        finally:
            store.merge_log()
            connection.close()
    except sqlite3.Error as error:
        raise _translated(error, path, patience) from error


def _blame_damage(store: Store, error: Exception) -> None:
    """Call an error that nobody expected the damage's, if the register is damaged.

    So is a certificate that cannot be read, where finding that out takes no time: it may be the
    operator's.

    Raises:
        StoreError: it is.
    """
    from ca.store.damage import UNEXPECTED, damage

    small = isinstance(error, MalformedError) and store.path.stat().st_size <= SMALL
    if not small and not isinstance(error, UNEXPECTED):
        return
    with contextlib.suppress(sqlite3.Error):
        store.connection.execute("ROLLBACK")
    found = damage(store)
    if found is not None:
        raise _damaged(store.path, found) from error


def _damaged(path: Path, what: object) -> StoreError:
    hint = "restore the last copy of the folder"
    log = mark_of(path.with_name(f"{path.name}-wal"))
    if log is not None and log[2] > 0:  # perhaps another file's: the log of what stood here
        hint += f"; remove '{path.name}-wal' and '{path.name}-shm' before it is put in place"
    return StoreError(f"'{path}' is damaged: {what}", hint=hint)


def marks(values: Sized) -> str:
    """A placeholder for each value, to stand inside IN (...); at most some 32,000."""
    return ",".join("?" * len(values))


def mark_of(path: Path | str) -> tuple[int, ...] | None:
    """What tells a file from another that stands at its path now, or from itself written anew."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half of what Path.stat takes, at every live answer
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def schema_version(connection: sqlite3.Connection) -> int:
    """``PRAGMA user_version``: the last migration that the register has seen; 0 if it is empty."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _create(path: Path) -> None:
    """An empty file, 0600 from the first moment; SQLite gives -wal and -shm the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    if os.name == "posix":
        path.chmod(0o600)


def _connect(
    path: Path, way: Way, patience: float, *, is_new: bool
) -> tuple[sqlite3.Connection, Way]:
    connection = _opened(path, f"mode={way}", patience)
    try:
        if not _can_be_read(connection, path):
            connection.close()
            way, connection = "immutable", _opened(path, "mode=ro&immutable=1", patience)
        if not is_new:
            _assert_known(connection, path)
        for pragma in _WRITING if way == "rw" else ():
            connection.execute(f"PRAGMA {pragma}")
    except UnicodeDecodeError:  # a message of SQLite's that quotes a damaged schema
        connection.close()
        raise _damaged(path, "its schema is not UTF-8") from None
    except BaseException:
        connection.close()
        raise
    return connection, way


def _assert_known(connection: sqlite3.Connection, path: Path) -> None:
    version = schema_version(connection)
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"'{path}' is not a register of sipca's", hint="choose another --home")
    if version > VERSION:
        raise StoreError(
            f"'{path}' was written by a newer sipca (schema {version}, known is {VERSION})",
            hint="upgrade sipca; nothing was changed",
        )


_WRITING = (
    "journal_mode = WAL",
    "foreign_keys = ON",
    "recursive_triggers = ON",  # else INSERT OR REPLACE walks around the delete triggers
    "secure_delete = ON",  # else deleted key blobs stay readable in free pages
    "synchronous = FULL",
)


def _opened(path: Path, query: str, patience: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?{query}", uri=True, timeout=patience, isolation_level=None
    )


def _can_be_read(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether it can be read with locks; if not, it stands still and may be read without.

    A WAL database is read through its -shm file. Where that is not there and the folder is not
    this user's to write (a read-only mount, mode 0555), SQLite takes the file as it is if told
    that it is immutable: no locks, no -wal. That is sound while no -wal holds anything, because
    then all that was committed is in the file, and while nobody writes. Who may write writes
    to a -wal first, so what is read stays one state until that is merged into the file, and this
    changes the file's mark: ``assert_unchanged`` looks at the end, a server at every turn.

    Raises:
        StoreError: there is a -wal that cannot be read.
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
        f"'{path}' is open for reading only: this user may not write it",
        hint="run the command as the folder's owner, where it is writable; list, show, export, "
        "check and serve work without",
    )


def _translated(error: sqlite3.Error, path: Path, patience: float) -> StoreError:
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return LockedError(
            f"'{path}' has been locked by another program for {patience} s",
            hint="end the other program, or wait, and run the command again",
        )
    if "full" in text:
        return StoreError(
            f"the disk of '{path}' is full",
            hint="what was recorded before is kept; free some space, and run it again",
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
