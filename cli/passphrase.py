"""The passphrase: from a file, the environment, or the terminal itself. Never an argument."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from ca.authority.home import Environment, RootKeyFile, no_passphrase
from ca.errors import CAError, KeyUnavailableError
from ca.files import read_bounded
from cli.bugs import bug_teller
from cli.output import say_anyway
from cli.prompts import TRIES, has_terminal
from cli.settings import Settings
from cli.terminal import one_line
from cli.utf8 import read_stdin

MAX_PASSPHRASE_FILE = 4096
NOTHING_TYPED = "the passphrase is empty"


def environment_of(settings: Settings) -> Environment:
    """The clock, random numbers and passphrase source for this call's home."""
    passphrase = Passphrase(settings)
    return Environment(
        passphrase=passphrase,
        again=passphrase.again,
        bug=bug_teller(settings),
        root_key=root_key_of(settings, passphrase),
    )


def is_given(settings: Settings) -> bool:
    """Whether a file or the environment gives the passphrase, so that nobody is asked."""
    given = ("SIPCA_PASSPHRASE_FILE", "SIPCA_PASSPHRASE")
    return bool(settings.passphrase_file) or any(name in os.environ for name in given)


def root_key_of(settings: Settings, passphrase: Passphrase) -> RootKeyFile | None:
    """The file of ``--root-key-file``, and where its passphrase comes from."""
    if settings.root_key_file is None:
        return None
    own = RootPassphrase(settings, passphrase)
    return RootKeyFile(settings.root_key_file, own, own.again)


class Passphrase:
    """Reads the passphrase once, when something needs it."""

    empty_hint = "--no-passphrase makes a CA without one"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._known: bytes | None = None
        self._asked = 0

    def again(self, error: CAError) -> bool:
        """Whether it may be asked once more after it opened nothing; says why."""
        if not 0 < self._asked < TRIES:
            return False
        self._known = None
        say_anyway(f"{one_line(error.message)}; once more")
        return True

    def __call__(self, purpose: str, *, new: bool = False) -> bytes:
        """The passphrase in UTF-8, NFC, without the one line end that files have.

        Raises:
            KeyUnavailableError: there is none, it is empty, or two entries differ.
        """
        while self._known is None:
            text = self._from_outside()
            try:
                asked = self._ask(purpose, new=new) if text is None else text
                self._known = self._checked(asked, new=new)
            except KeyUnavailableError as error:
                if new or not self.again(error):  # a new one that cannot be is told of at once
                    raise
        return self._known

    def _checked(self, text: str, *, new: bool) -> bytes:
        if not text:
            hint = self.empty_hint if new else None
            raise KeyUnavailableError(NOTHING_TYPED, hint=hint)
        return _octets(text)

    def _from_outside(self) -> str | None:
        file = self.settings.passphrase_file or os.environ.get("SIPCA_PASSPHRASE_FILE")
        if file:
            return self._from_file(file, "the passphrase")
        return os.environ.get("SIPCA_PASSPHRASE")

    def _from_file(self, file: str, what: str) -> str:
        if file == "-":
            self.settings.take_stdin(what)
            return _cut_line_end(read_stdin(MAX_PASSPHRASE_FILE + 1), "stdin")
        data = read_bounded(Path(file), limit=MAX_PASSPHRASE_FILE, pipes=True)
        return _cut_line_end(data, file)

    def _ask(self, purpose: str, *, new: bool) -> str:
        if self.settings.no_input or not has_terminal():
            return no_passphrase("passphrase", new=new).decode()
        import getpass
        import signal

        self._asked += 1
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a batch has its own
        try:
            with self.settings.around_prompt():
                first = getpass.getpass(f"{one_line(purpose)}: ")
                tries = 1
                while new and getpass.getpass("again: ") != first:
                    if tries == TRIES:
                        raise KeyUnavailableError("the two passphrases differ", hint="try again")
                    tries += 1
                    say_anyway("the two differ; both once more")
                    first = getpass.getpass(f"{one_line(purpose)}: ")
        except EOFError:
            self._asked = TRIES  # who ends the input is not asked again
            raise KeyUnavailableError("no passphrase was typed", hint="try again") from None
        except UnicodeDecodeError:
            raise _not_utf8("what was typed") from None
        finally:
            signal.signal(signal.SIGINT, before)
        return first


class OptionalPassphrase(Passphrase):
    """Reads a passphrase that Enter alone leaves to be typed later, elsewhere."""

    def again(self, error: CAError) -> bool:
        """Whether it may be asked once more: not if nothing was typed."""
        return error.message != NOTHING_TYPED and super().again(error)


class NewPassphrase(Passphrase):
    """Reads a passphrase that keys are to have from now on: from its own file, or asked twice."""

    empty_hint = "a key that leaves, or gets another passphrase, always has one"

    def __init__(self, settings: Settings, file: str | None) -> None:
        super().__init__(settings)
        self.file = file

    def _from_outside(self) -> str | None:
        if self.file is None:
            return None
        return self._from_file(self.file, "the new passphrase")

    def _ask(self, purpose: str, *, new: bool) -> str:
        if self.settings.no_input or not has_terminal():
            raise KeyUnavailableError(
                "a new passphrase is needed and none was given",
                hint="give --new-passphrase-file FILE",
            )
        return super()._ask(purpose, new=new)


class RootPassphrase(Passphrase):
    """Reads the passphrase of a root key's file.

    That is SIPCA_ROOT_KEY_PASSPHRASE_FILE, else the home's passphrase, or what the terminal says.
    """

    def __init__(self, settings: Settings, general: Passphrase) -> None:
        super().__init__(settings)
        self.general = general

    def _from_outside(self) -> str | None:
        own = os.environ.get("SIPCA_ROOT_KEY_PASSPHRASE_FILE")
        if own:
            return self._from_file(own, "the root key's passphrase")
        if is_given(self.settings):
            return self.general("passphrase").decode()  # a pipe can be read only once
        return None


def _cut_line_end(data: bytes, file: str) -> str:
    if len(data) > MAX_PASSPHRASE_FILE:
        raise KeyUnavailableError(f"'{file}' is too long for a passphrase file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _not_utf8(f"'{file}'") from None
    return text.removesuffix("\n").removesuffix("\r")


def _octets(text: str) -> bytes:
    """The octets that encrypt keys: UTF-8, NFC.

    Raises:
        KeyUnavailableError: the environment or the terminal gave other octets, a NUL, or more
            than a file may hold.
    """
    try:
        known = unicodedata.normalize("NFC", text).encode("utf-8")
    except UnicodeEncodeError:
        raise _not_utf8("the passphrase") from None
    if b"\0" in known:
        raise KeyUnavailableError(
            "the passphrase holds a NUL, which other programs end it at",
            hint="save it as text: UTF-8 without NUL, not UTF-16",
        )
    if len(known) > MAX_PASSPHRASE_FILE:
        raise KeyUnavailableError(
            f"the passphrase has more than {MAX_PASSPHRASE_FILE} octets",
            hint="check that it is the file with the passphrase",
        )
    return known


def _not_utf8(what: str) -> KeyUnavailableError:
    return KeyUnavailableError(f"{what} is not UTF-8", hint="give the passphrase in UTF-8")
