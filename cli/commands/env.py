"""``sipca env``."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cli.commands.arguments import one_of
from cli.options import opened, settings_of
from cli.output import show, talk, write_bytes


def env_command(
    ctx: typer.Context,
    format: Annotated[str, typer.Option(help="sh, pwsh or dotenv.")] = "sh",  # noqa: A002 - the option's name
) -> None:
    """Paths of home, root, chain and CRLs as variables for scripts.

    SIPCA_CRLS has the CRLs of issuing and root CAs: for servers, which check the whole chain.
    SIPCA_CRL has the issuing CA's alone, for programs that look no further.
    The files are kept in the home's folder "public" and brought up to date by this call; what
    sipca did not write there stays (exit 6).

    Example: eval "$(sipca env)"
    """
    from ca.authority.reports.env import write_env
    from cli.views.env import ABOUT_CRLS, FORMS, env_text

    settings = settings_of(ctx)
    one_of("--format", format, tuple(FORMS))
    with opened(settings) as home:
        document = write_env(home)
    if settings.json or sys.stdout.isatty():
        show(document, settings, lambda each: env_text(each, format))
        talk(ABOUT_CRLS, settings)
    elif not settings.quiet:
        write_bytes(os.fsencode(env_text(document, format) + "\n"), binary=False)
