"""``sipca fixture ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca.documents.exits import exit_of_several
from cli.options import settings_of
from cli.output import say_anyway, show


def list_command(ctx: typer.Context) -> None:
    """The bad certificates that can be made.

    Example: sipca fixture list
    """
    from ca.lab.fixture import list_fixtures
    from cli.views.fixture import fixtures_text

    show(list_fixtures(), settings_of(ctx), fixtures_text)


def make_command(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME|all", help="Which one, or all.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")],
) -> None:
    """Make a bad certificate from a throw-away CA, to see how a device reacts.

    Never from the home's keys: no home is opened.

    Example: sipca fixture make expired --out bad
    """
    from ca.lab.fixture import make_fixtures
    from cli.passphrase import environment_of
    from cli.views.fixture import made_text
    from cli.views.sign import refused_text

    settings = settings_of(ctx)
    document = make_fixtures(name, out, environment_of(settings))
    show(document, settings, made_text)
    if document.refused:
        say_anyway(lambda: refused_text(document.refused))
        raise typer.Exit(exit_of_several(each.exit for each in document.refused))
