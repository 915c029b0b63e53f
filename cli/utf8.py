"""Arguments and stdin as UTF-8: what is not text is refused, unless it names a file."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.models import TyperPath

from ca.errors import MalformedError
from ca.model.escaping import escape_undecodable


def refuse_octets(param: Any) -> None:
    """Make an option or argument refuse what is not UTF-8, unless it names a file or folder.

    Whether it does is what its help says (``FILE``, ``DIR``) or its type: a file may have any
    name that the file system takes, everything else goes into certificates and the register.
    """
    metavar = param.metavar or ""
    if isinstance(param.type, TyperPath) or "FILE" in metavar or "DIR" in metavar:
        return
    inner = param.callback

    def check(ctx: Any, param: Any, value: Any) -> Any:
        for word in value if isinstance(value, list | tuple) else (value,):
            if isinstance(word, str) and not is_text(word):
                raise typer.BadParameter(f"'{escape_undecodable(word)}' is not UTF-8", ctx, param)
        return value if inner is None else inner(ctx, param, value)

    param.callback = check


def is_text(word: str) -> bool:
    """Whether an argument was UTF-8; Python represents other octets as surrogates."""
    return escape_undecodable(word) == word


def read_stdin(limit: int) -> bytes:
    """Read stdin: at most ``limit`` octets and one more, which shows that there are more.

    Raises:
        MalformedError: it is closed, is a folder, or cannot be read.
    """
    if sys.stdin is None:
        raise MalformedError("stdin is closed", hint="give a file instead of -")
    try:
        return sys.stdin.buffer.read(limit)
    except OSError as error:
        raise MalformedError(
            f"stdin cannot be read: {error.strerror}", hint="give a file instead of -"
        ) from None
