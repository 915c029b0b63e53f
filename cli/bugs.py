"""Bugs of ours that cost one of several things: told at the end, with the exit code of a bug."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import typer

from ca.documents.exits import EXIT_CODES
from ca.errors import BugError, Kind

if TYPE_CHECKING:
    from cli.settings import Settings


def bug_teller(settings: Settings) -> Callable[[str], None]:
    """Shows the traceback of a bug that one thing of several met, where ``--debug`` asks for it."""

    def tell(trace: str) -> None:
        if settings.debug:
            print(trace, end="", file=sys.stderr)

    return tell


def raise_for_bugs(bugs: Sequence[BugError], settings: Settings) -> None:
    """Their tracebacks with ``--debug``, and exit 1 where there are any.

    Raises:
        typer.Exit: there are.
    """
    if not bugs:
        return
    tell = bug_teller(settings)
    for each in bugs:
        tell(each.trace)
    raise typer.Exit(EXIT_CODES[Kind.BUG])
