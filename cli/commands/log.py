"""``sipca log``."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from ca.documents.exits import EXIT_CODES
from ca.errors import Kind
from cli.options import opened, settings_of


def log_command(
    ctx: typer.Context,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the chain and the rows it describes.")
    ] = False,
    head: Annotated[
        str | None, typer.Option(help="A head noted earlier; it must be in the trail.")
    ] = None,
) -> None:
    """The audit trail; exit 9 if it was altered.

    Example: sipca log --verify --head 5f3a...
    """
    from ca.authority.reports.log import log
    from cli.log_output import Trail

    settings = settings_of(ctx)
    with closing(Trail(settings)) as trail:
        with opened(settings) as home:
            document = log(home, verify=verify, head=head, hand_on=trail.take)
        trail.print(document)
    if document.problems:
        raise typer.Exit(EXIT_CODES[Kind.INVALID])
