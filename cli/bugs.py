"""Bugs of ours that cost one of several things: told at the end, with the exit code of a bug."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from ca.documents.exits import EXIT_CODES
from ca.errors import BugError, Kind

if TYPE_CHECKING:
    from cli.options import Settings


def raise_for_bugs(bugs: Sequence[BugError], settings: Settings) -> None:
    """Their tracebacks with ``--debug``, and exit 1 where there are any.

    Raises:
        typer.Exit: there are.
    """
    if not bugs:
        return
    if settings.debug:
        for each in bugs:
            print(each.trace, end="", file=sys.stderr)
    raise typer.Exit(EXIT_CODES[Kind.BUG])
