"""Follow the register file by its path: reopen it when replaced, refuse it when unsound.

SQLite keeps using the file that it opened, even if that was renamed, deleted or overwritten
meanwhile, as people do when they restore a copy. So the path is checked a few times a second, and
the file's mark at each answer that is signed. The server opens it read-only: it has nothing to
write, and SQLite then merges no left-over -wal into a restored file.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

from ca.authority.home import DATABASE, Environment, Home, OlderRegisterError, open_home
from ca.authority.status.ocsp import Register
from ca.authority.status.soundness import soundness
from ca.errors import CAError, StoreError
from ca.store import audit
from ca.store.connection import LockedError, mark_of

log = logging.getLogger("sipca.serve")

RETRY_SECONDS = 1.0
"""Seconds at least until an unchanged register that was refused is tried again."""

Mark = tuple[int, ...] | None


class Following:
    """The home in a folder, reopened when another file is at the register's path."""

    def __init__(self, folder: Path, environment: Environment) -> None:
        self.folder = folder
        self.trouble: CAError | None = None
        """Why nothing is open, or why the open register cannot be read at the moment."""
        self.prefix = b""
        """The path of the base URL, below which everything is served as well."""
        self.when_changed: Callable[[], None] = lambda: None
        self._around = environment
        self._database = folder / DATABASE
        self._path = str(self._database)
        self._open: tuple[Home, Register] | None = None
        self._closing = ExitStack()
        self._mark: Mark = None
        self._beside: tuple[Mark, ...] = ()
        self._version = 0
        self._head: tuple[int, bytes] | None = None
        self._file: Mark = None
        self._is_first = True
        self._retry_at = 0.0
        self._seen: tuple[Mark, ...] = ()
        self.look()

    def current(self) -> tuple[Home, Register]:
        """The home and its signers, of the file at the path now.

        Raises:
            CAError: there is no usable register.
        """
        if self._open is not None and mark_of(self._path) != self._mark:
            self.look()
        if self._open is None:
            assert self.trouble is not None
            raise self.trouble.with_traceback(None)  # otherwise it grows with every answer
        return self._open

    def now(self) -> datetime:
        """The current time."""
        return self._around.clock()

    def seconds(self) -> float:
        """The current time in seconds since 1970."""
        return self._around.clock().timestamp()

    def look(self) -> None:
        """Notice changes; cached answers are then no longer valid."""
        if self._look():
            self.when_changed()

    def _look(self) -> bool:
        if self._open is None:
            return self._is_due() and self._replace()
        if mark_of(self._path) != self._mark or self._files_beside() != self._beside:
            self._replace()
            return True
        home, register = self._open
        try:
            with home.store.translating_errors():
                version = home.store.data_version()
                if version == self._version and self.trouble is None:
                    return False
                home.store.assert_supported()
                home.forget()
                register.reload()
                self._head = audit.newest(home.store)
                self.prefix = _prefix_of(home)
        except LockedError as error:
            self._tell(error)
            return False
        except Exception as error:
            self._refuse(error)
            return True
        self._version = version
        self._tell(None)
        return True

    def is_up_to_date(self) -> bool:
        """Whether nothing was written since the last look; in a snapshot, before it began."""
        return self._open is not None and self._open[0].store.data_version() == self._version

    def close(self) -> None:
        """Close the register; as the last connection, merge the write-ahead log into the file."""
        sound = self._open is not None and self.trouble is None
        self._shut()
        if sound:
            with contextlib.suppress(CAError), open_home(self.folder, self._around):
                pass

    def _is_due(self) -> bool:
        return self._all_marks() != self._seen or monotonic() >= self._retry_at

    def _replace(self) -> bool:
        """Open the file at the path now; returns whether that succeeded."""
        self._shut()
        self._seen = self._all_marks()
        started = monotonic()
        try:
            self._take_up()
        except Exception as error:  # whatever a damaged file causes
            self._refuse(error)
        else:
            self._tell(None)
        self._is_first = False
        self._retry_at = monotonic() + max(RETRY_SECONDS, 10 * (monotonic() - started))
        return self._open is not None

    def _take_up(self) -> None:
        self._mark = mark_of(self._database)
        home = self._closing.enter_context(self._opened())
        with home.store.translating_errors():
            self._version = home.store.data_version()  # first: later steps change it
            home.store.assert_supported()
            register = Register(home)
            self._assert_whole(home)
            newest = audit.newest(home.store)
        self._beside = self._files_beside()
        at_path = mark_of(self._database)
        if at_path is None:
            from ca.authority.absence import no_home  # seldom

            raise no_home(self.folder, DATABASE)
        if _file_of(at_path) != _file_of(self._mark):
            raise StoreError(f"'{self._database}' was replaced while it was opened")
        self._head, self._file = newest, _file_of(self._mark)
        self.prefix = _prefix_of(home)
        self._open = home, register

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Home]:
        with ExitStack() as stack:
            try:
                home = stack.enter_context(open_home(self.folder, self._around, read_only=True))
            except OlderRegisterError:
                with open_home(self.folder, self._around):  # upgrades it
                    pass
                self._mark = mark_of(self._database)
                home = stack.enter_context(open_home(self.folder, self._around, read_only=True))
            yield home

    def _assert_whole(self, home: Home) -> None:
        """Check a file closely unless it merely continues the one known before.

        At start the server makes the same check as commands that sign. A restored copy may be
        incomplete, or lie beside the -wal of another file, whose pages SQLite would apply to it.

                Raises:
                    StoreError: it is damaged, or differs from its history.
        """
        if self._is_first or (self._file == _file_of(self._mark) and self._goes_on(home)):
            return
        home.store.assert_whole()
        for finding in soundness(home):
            raise StoreError(f"'{self._database}': {finding.message}", hint=finding.hint)
        if self._head is not None and not self._goes_on(home):
            log.warning(
                "'%s' was replaced: its history does not continue from event %d, which was served "
                "before; an older copy lacks later revocations",
                self._database,
                self._head[0],
            )

    def _goes_on(self, home: Home) -> bool:
        """Whether its history contains the newest event known before."""
        return self._head is not None and audit.has_event(home.store, self._head)

    def _refuse(self, error: Exception) -> None:
        self._shut()
        if isinstance(error, CAError):
            self._tell(error)
            return
        hint = "sipca log --verify names what is wrong; restore the last copy of the folder"
        self._tell(StoreError(f"'{self._database}' cannot be read: {error!r}", hint=hint))

    def _tell(self, trouble: CAError | None) -> None:
        """Log a trouble once, and once when it is over."""
        before, self.trouble = self.trouble, trouble
        if trouble is not None and (before is None or before.message != trouble.message):
            kept = "answering from the cache" if self._open else "answering tryLater"
            log.error("the register cannot be used, %s: %s", kept, trouble.message)
        elif trouble is None and before is not None:
            log.warning("the register can be used again: '%s'", self._database)

    def _shut(self) -> None:
        self._open = None
        with contextlib.suppress(CAError):
            self._closing.close()
        self._closing = ExitStack()

    def _files_beside(self) -> tuple[Mark, ...]:
        """Identify the -wal and -shm files: a new one is not the one that this process has open."""
        marks = (mark_of(self._database.with_name(DATABASE + end)) for end in ("-wal", "-shm"))
        return tuple(_file_of(each) for each in marks)

    def _all_marks(self) -> tuple[Mark, ...]:
        return tuple(mark_of(self._database.with_name(DATABASE + end)) for end in ("", "-wal"))


def _prefix_of(home: Home) -> bytes:
    return urlsplit(home.base_url or "").path.rstrip("/").encode()


def _file_of(mark: Mark) -> Mark:
    """The file that a mark belongs to, whatever its content."""
    return mark and mark[:2]
