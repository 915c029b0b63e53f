"""``sipca profile ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca.profiles.library import Library
from cli.options import opened, settings_of
from cli.output import show
from cli.settings import Settings


def library_of(settings: Settings) -> Library:
    """The home's library, or only the shipped one where there is no home."""
    home = settings.home_path
    return Library(home if home.is_dir() else None)


def list_command(ctx: typer.Context) -> None:
    """All profiles, shipped and own.

    Example: sipca profile list
    """
    from ca.authority.reports.profile import profiles
    from cli.views.profile import profiles_text

    settings = settings_of(ctx)
    show(profiles(library_of(settings)), settings, profiles_text)


def show_command(ctx: typer.Context, name: Annotated[str, typer.Argument()]) -> None:
    """The text of a profile.

    Example: sipca profile show sip
    """
    from ca.authority.reports.profile import text_of
    from cli.views.profile import toml_text

    settings = settings_of(ctx)
    show(text_of(library_of(settings).profiles, name), settings, toml_text)


def check_command(ctx: typer.Context, file: Annotated[Path, typer.Argument()]) -> None:
    """Check a profile file: unknown keys, wrong values, contradictions.

    Example: sipca profile check my-sip.toml
    """
    from ca.authority.reports.profile import check_profile
    from cli.views.profile import checked_text

    settings = settings_of(ctx)
    show(check_profile(library_of(settings), file), settings, checked_text)


def new_command(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument()],
    like: Annotated[str, typer.Option("--from", help="The profile to copy.")],
) -> None:
    """Copy a profile into the CA home to edit.

    Example: sipca profile new my-sip --from sip
    """
    from ca.authority.reports.profile import new_profile
    from cli.views.profile import written_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        show(new_profile(home.library, name, like=like), settings, written_text)
