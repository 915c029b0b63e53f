"""Questions at the terminal itself: never from stdin, never where nobody can answer."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from cli.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from cli.settings import Settings

TERMINAL = "/dev/tty"
MAX_ANSWER = 1_000
TRIES = 3
"""How often a person is asked the same thing in one call."""


def has_terminal() -> bool:
    """Whether there is a terminal to ask at."""
    if os.name != "posix":
        return sys.stdin is not None and sys.stdin.isatty()
    try:
        os.close(os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def may_ask(settings: Settings) -> bool:
    """Whether this call may ask more than a passphrase: a person sits before it."""
    if settings.no_input or settings.json or settings.quiet:
        return False
    if sys.stdin is None or sys.stderr is None:
        return False
    return sys.stdin.isatty() and sys.stderr.isatty() and has_terminal()


def ask(question: str) -> str:
    """A line that was typed at the terminal, without blanks around it; "" for Enter alone.

    What was typed before the question is no answer to it: the rest of a paste, or the next
    command.

    Raises:
        MalformedError: what was typed is not UTF-8.
        KeyboardInterrupt: Ctrl-C, or the end of input (Ctrl-D).
    """
    with _terminal() as terminal:
        terminal.write(f"{one_line(question)} ".encode())
        terminal.flush()
        typed = terminal.readline(MAX_ANSWER)
        if not typed:
            terminal.write(b"\n")
            raise KeyboardInterrupt
    try:
        return typed.decode().strip()
    except UnicodeDecodeError:
        from ca.errors import MalformedError

        raise MalformedError("what was typed is not UTF-8", hint="type it again") from None


def agrees(question: str) -> bool:
    """Whether the answer to a question is yes; Enter alone is no."""
    return ask(f"{question} [y/N]").casefold() in ("y", "yes")


@contextlib.contextmanager
def _terminal() -> Iterator[BinaryIO]:
    """The terminal, to write to and to read from; elsewhere than on POSIX stdin and stderr."""
    if os.name != "posix":
        yield _Pair()  # type: ignore[misc]
        return
    import io
    import termios

    number = os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY)
    with contextlib.suppress(termios.error):
        termios.tcflush(number, termios.TCIFLUSH)
    with io.FileIO(number, "r+") as raw:
        yield raw


class _Pair:
    """Stdin and stderr as one file of octets."""

    def write(self, data: bytes) -> None:
        sys.stderr.write(data.decode())

    def flush(self) -> None:
        sys.stderr.flush()

    def readline(self, size: int) -> bytes:
        return sys.stdin.readline(size).encode()
