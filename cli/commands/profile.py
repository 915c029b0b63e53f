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
    like: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="The profile to copy.")
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--from-cert", metavar="FILE", help="A certificate that the new ones are to be like."
        ),
    ] = None,
) -> None:
    """Copy a profile into the CA home to edit, or make one from a certificate.

    From a certificate: its usages, kinds of SAN, kind of key and lifetime, never CA rights. What
    differs is said, and stands in the file.

    Example: sipca profile new my-sip --from sip
    """
    from ca.authority.reports.profile import new_profile, profile_from_certificate
    from cli.views.profile import written_text

    settings = settings_of(ctx)
    if (like is None) == (certificate is None):
        raise typer.BadParameter("give one of --from NAME and --from-cert FILE")
    with opened(settings) as home:
        if certificate is not None:
            document = profile_from_certificate(home.library, name, certificate)
        else:
            assert like is not None
            document = new_profile(home.library, name, like=like)
    show(document, settings, written_text)
