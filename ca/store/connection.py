"""The one function that opens SQLite, the write transaction, and what its errors mean."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sized
from datetime import timedelta
from pathlib import Path

from ca.errors import MalformedError, StoreError

VERSION = 6
"""``PRAGMA user_version`` of the schema that this program knows; migrations raise it."""
APPLICATION_ID = 0x53495043
"""``PRAGMA application_id``: "SIPC", so that another program's database is not taken for ours."""
BUSY_SECONDS = 30
SMALL = 16 << 20
"""Octets of a register that is read whole in a quarter of a second."""


class Store:
    """An open register. Reads need nothing; writes only inside ``with store.write():``."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path
        self.changed: list[tuple[str, str | int]] = []
        """Rows of state, by table and key, that this transaction changed and no event tells yet."""

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One write transaction (BEGIN IMMEDIATE); nothing slow belongs inside.

        State that was changed without an event that tells it is a bug, and is not committed.
        """
        self.connection.execute("BEGIN IMMEDIATE")
        self.changed.clear()
        try:
            yield self.connection
            assert not self.changed, f"no event tells of {self.changed}"
        except BaseException:
            with contextlib.suppress(
                sqlite3.Error
            ):  # SQLite has rolled back by itself on full disks
                self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def be_patient(self, span: timedelta) -> None:
        """Wait this long for a locked register, instead of ``BUSY_SECONDS``."""
        self.connection.execute(f"PRAGMA busy_timeout = {int(span / timedelta(milliseconds=1))}")

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
            raise _translated(error, self.path) from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several reads of one state."""
        self.connection.execute("BEGIN")
        try:
            yield self.connection
        finally:
            self.connection.execute("ROLLBACK")


@contextlib.contextmanager
def open_store(path: Path, *, create: bool = False) -> Iterator[Store]:
    """Open the register at ``path``, close it at the end, translate what SQLite says.

    Raises:
        StoreError: not a database, damaged, locked for 30 s, full, read-only, or written by a
            newer version of sipca.
    """
    try:
        connection = _connect(path, create=create)
        store = Store(connection, path)
        try:
            yield store
        except Exception as error:
            _blame_damage(store, error)
            raise
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise _translated(error, path) from error


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
    return StoreError(f"'{path}' is damaged: {what}", hint="restore the last copy of the folder")


def marks(values: Sized) -> str:
    """A placeholder for each value, to stand inside IN (...); at most some 32,000."""
    return ",".join("?" * len(values))


def _connect(path: Path, *, create: bool) -> sqlite3.Connection:
    if create:  # 0600 from the first moment; SQLite gives -wal and -shm the same mode
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        if os.name == "posix":
            path.chmod(0o600)
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    try:
        return _set_up(connection, path, create=create)
    except UnicodeDecodeError:  # a message of SQLite's that quotes a damaged schema
        connection.close()
        raise _damaged(path, "its schema is not UTF-8") from None
    except BaseException:
        connection.close()
        raise


def _set_up(connection: sqlite3.Connection, path: Path, *, create: bool) -> sqlite3.Connection:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if not create and connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"'{path}' is not a register of sipca's", hint="choose another --home")
    if version > VERSION:
        raise StoreError(
            f"'{path}' was written by a newer sipca (schema {version}, known is {VERSION})",
            hint="upgrade sipca; nothing was changed",
        )
    for pragma in (
        "journal_mode = WAL",
        "foreign_keys = ON",
        "recursive_triggers = ON",  # else INSERT OR REPLACE walks around the delete triggers
        "secure_delete = ON",  # else deleted key blobs stay readable in free pages
        "synchronous = FULL",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _translated(error: sqlite3.Error, path: Path) -> StoreError:
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return StoreError(
            f"'{path}' has been locked by another program for {BUSY_SECONDS} s",
            hint="end the other program, or wait, and run the command again",
        )
    if "full" in text:
        return StoreError(
            f"the disk of '{path}' is full",
            hint="what was recorded before is kept; free some space, and run it again",
        )
    if "readonly" in text or "read-only" in text:
        return StoreError(
            f"'{path}' cannot be written", hint="check the owner and mode of the folder"
        )
    if "unable to open" in text:
        return StoreError(f"'{path}' cannot be opened", hint="check the folder's owner and mode")
    if "not a database" in text or "malformed" in text or "no such" in text or "decode" in text:
        return _damaged(path, error)
    if "append-only" in text or "constraint" in text:
        return StoreError(f"the register refuses this change: {error}")
    return StoreError(f"'{path}' cannot be used: {error}")
