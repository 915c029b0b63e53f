"""Questions at the terminal itself: never from stdin, never where nobody can answer."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from cli.terminal import one_line

if TYPE_CHECKING:
    from cli.settings import Settings

MAX_ANSWER = 1_000


def has_terminal() -> bool:
    """Whether there is a terminal to ask at."""
    if os.name != "posix":
        return sys.stdin is not None and sys.stdin.isatty()
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def may_ask(settings: Settings) -> bool:
    """Whether this call may ask more than a passphrase: a person sits before it."""
    if settings.no_input or settings.json or settings.quiet:
        return False
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty() and has_terminal()


def ask(question: str) -> str:
    """A line that was typed at the terminal, without blanks around it; "" for Enter alone.

    Raises:
        KeyboardInterrupt: Ctrl-C, or the end of input (Ctrl-D).
    """
    print(f"{one_line(question)} ", end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline(MAX_ANSWER)
    if not typed:
        print(file=sys.stderr)
        raise KeyboardInterrupt
    return typed.strip()


def agrees(question: str) -> bool:
    """Whether the answer to a question is yes; Enter alone is no."""
    return ask(f"{question} [y/N]").casefold() in ("y", "yes")
