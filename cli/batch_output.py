"""Output of a batch as it proceeds, to the terminal or into a spool file, and Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ca.documents.sign import Signed, SigningDocument, Skipped
from ca.files import Spool
from cli.output import put_aside, spooled_json
from cli.views.progress import Talker
from cli.views.sign import rows_text, signing_word


class Entries:
    """Takes the certificates of a batch one by one and keeps none of them in memory.

    With ``folder`` they are put aside there as JSON, in a file without a name, for ``pieces``.
    """

    def __init__(
        self, folder: Path | None, talker: Talker | None, *, dry_run: bool = False
    ) -> None:
        self._talker = talker
        self._done = signing_word(dry_run=dry_run)
        self._waiting: list[Signed] = []
        self._spools = None if folder is None else {n: Spool(folder) for n in ("signed", "skipped")}
        self.counts = {"signed": 0, "skipped": 0, "rsa": 0}
        self.first: list[Signed] = []
        self.has_device = False

    def take(self, entry: Signed) -> None:
        """Add a certificate that was just signed, or is handed out again."""
        name = "skipped" if isinstance(entry, Skipped) else "signed"
        self.counts[name] += 1
        if any(line.field == "key" and "RSA" in (line.issued or "") for line in entry.account):
            self.counts["rsa"] += 1
        self.has_device = self.has_device or entry.device is not None
        if len(self.first) < 2:
            self.first.append(entry)
        if self._spools is not None:
            put_aside(self._spools[name], entry)
        if self._talker is not None:
            self._waiting.append(entry)

    def advance(self, done: int) -> None:
        """Print the entries of a finished chunk."""
        if self._talker is None:
            return
        try:
            if self._waiting:
                self._talker.say(lambda: rows_text(self._waiting, done=self._done))
            self._talker.advance(done)
        except OSError:  # whoever listened has gone, as `| head -1` does: the work goes on
            self._talker = None
        self._waiting.clear()

    def pieces(self, document: SigningDocument) -> Iterator[bytes]:
        """The document with the spooled entries, in the form of ``cli.output.print_json``."""
        assert self._spools is not None
        return spooled_json(document, self._spools)

    def close(self) -> None:
        """Close the spool files."""
        for spool in (self._spools or {}).values():
            spool.close()


@contextlib.contextmanager
def interruptible(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed: once lets what is in hand be finished, twice ends at once.

    The handler says nothing itself: it may have interrupted the very printing of a line.
    """
    asked = announced = False
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def on_interrupt(_number: int, _frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    def tell(text: str) -> None:
        with contextlib.suppress(OSError):  # nobody may be listening any more
            say(text)

    def is_asked() -> bool:
        nonlocal announced
        if asked and not announced:
            announced = True
            tell("finishing what is in hand; Ctrl-C again ends at once")
        return asked

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield is_asked
    except KeyboardInterrupt:
        tell("ended at once; what is in the register is kept, and the same command goes on")
        raise
    finally:
        signal.signal(signal.SIGINT, before)
