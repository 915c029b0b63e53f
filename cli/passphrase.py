"""The passphrase: from a file, the environment, or the terminal itself. Never an argument."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

from ca.authority.home import Surroundings, no_passphrase
from ca.errors import KeyUnavailableError
from ca.files import read_bounded
from cli.options import Settings

MAX_PASSPHRASE_FILE = 4096


def surroundings(settings: Settings) -> Surroundings:
    """What a home of this call takes from the world."""
    return Surroundings(passphrase=Passphrase(settings))


class Passphrase:
    """Reads the passphrase once, when something needs it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._known: bytes | None = None

    def __call__(self, purpose: str, *, new: bool = False) -> bytes:
        """The passphrase in UTF-8, NFC, without the one line end that files have.

        Raises:
            KeyUnavailableError: there is none, it is empty, or two entries differ.
        """
        if self._known is None:
            text = self._from_outside()
            if text is None:
                text = self._ask(purpose, new=new)
            if not text:
                raise KeyUnavailableError(
                    "the passphrase is empty",
                    hint="--no-passphrase makes a CA without one" if new else None,
                )
            self._known = unicodedata.normalize("NFC", text).encode("utf-8")
        return self._known

    def _from_outside(self) -> str | None:
        file = self.settings.passphrase_file or os.environ.get("SIPCA_PASSPHRASE_FILE")
        if file == "-":
            self.settings.take_stdin("the passphrase")
            return _cut_line_end(sys.stdin.buffer.read(MAX_PASSPHRASE_FILE + 1), "stdin")
        if file:
            data = read_bounded(Path(file), limit=MAX_PASSPHRASE_FILE, pipes=True)
            return _cut_line_end(data, file)
        return os.environ.get("SIPCA_PASSPHRASE")

    def _ask(self, purpose: str, *, new: bool) -> str:
        if self.settings.no_input or not _has_terminal():
            return no_passphrase("passphrase", new=new).decode()
        import getpass
        import signal

        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a batch has its own
        try:
            with self.settings.around_prompt():
                first = getpass.getpass(f"{purpose}: ")
                if new and getpass.getpass("again: ") != first:
                    raise KeyUnavailableError("the two passphrases differ", hint="try again")
        finally:
            signal.signal(signal.SIGINT, before)
        return first


def _cut_line_end(data: bytes, file: str) -> str:
    if len(data) > MAX_PASSPHRASE_FILE:
        raise KeyUnavailableError(f"'{file}' is too long for a passphrase file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise KeyUnavailableError(
            f"'{file}' is not UTF-8", hint="save the passphrase as UTF-8"
        ) from None
    return text.removesuffix("\n").removesuffix("\r")


def _has_terminal() -> bool:
    if os.name != "posix":
        return sys.stdin is not None and sys.stdin.isatty()
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
