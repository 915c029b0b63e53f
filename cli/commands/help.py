"""``sipca help``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.options import settings_of
from cli.output import show
from cli.usage import WrongWordError


def help_command(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]", help="A command, as: csr show.")
    ] = None,
) -> None:
    """The help of a command, or of sipca itself.

    Example: sipca help csr show
    """
    from ca.documents.help import HelpDocument
    from cli.views.help import help_text

    context: Any = ctx.find_root()
    path = [word for each in words or () for word in each.split()]
    for number, word in enumerate(path):
        if not hasattr(context.command, "resolve_command"):
            known = " ".join(path[:number])
            raise WrongWordError(
                f"'{known}' has no commands of its own", hint=f"sipca help {known}"
            )
        name, command, _ = context.command.resolve_command(context, [word])
        context = typer.Context(command, info_name=name, parent=context)
    document = HelpDocument(command=" ".join(path), text=context.get_help())
    show(document, settings_of(ctx), help_text)
