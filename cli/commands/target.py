"""``sipca target ...``."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.profile import library_of
from cli.options import settings_of
from cli.output import show


def list_command(ctx: typer.Context) -> None:
    """All device targets, shipped and own.

    Example: sipca target list
    """
    from ca.authority.reports.target import targets
    from cli.views.target import targets_text

    settings = settings_of(ctx)
    show(targets(library_of(settings)), settings, targets_text)


def show_command(ctx: typer.Context, name: Annotated[str, typer.Argument()]) -> None:
    """The text of a target.

    Example: sipca target show audiocodes-7.4
    """
    from ca.authority.reports.profile import text_of
    from cli.views.profile import toml_text

    settings = settings_of(ctx)
    show(text_of(library_of(settings).targets, name), settings, toml_text)
