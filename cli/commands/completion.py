"""``sipca completion``."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.arguments import one_of
from cli.completion import SCRIPTS


def completion_command(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """The completion script of a shell; names complete from the register.

    Example: source <(sipca completion bash)
    """
    one_of("SHELL", shell, tuple(SCRIPTS))
    print(SCRIPTS[shell], end="")
