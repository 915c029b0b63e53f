"""Internal errors that stopped one of several items: reported at the end, with exit code 1."""

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
    """A callback that prints the traceback of an internal error if ``--debug`` was given."""

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
    for bug in bugs:
        tell(bug.trace)
    raise typer.Exit(EXIT_CODES[Kind.BUG])
