"""``sipca fixture ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca.documents.exits import exit_of_several
from ca.names.text import printable
from cli.commands.arguments import one_of
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
    host: Annotated[
        str | None,
        typer.Option("--name", metavar="HOST", help="The host name of the machine that presents."),
    ] = None,
    address: Annotated[
        str | None, typer.Option("--ip", metavar="ADDR", help="Its address.")
    ] = None,
    key: Annotated[
        str, typer.Option(metavar="KIND", help="The certificates' keys: rsa or ec.")
    ] = "rsa",
) -> None:
    """Make a bad certificate from a throw-away CA, to see how a device reacts.

    Never from the home's keys: no home is opened.

    Example: sipca fixture make expired --out bad
    """
    from ca.lab.fixture import ADDRESS, HOST, KEYS, FixtureWishes, make_fixtures
    from ca.names.hosts import as_address, host_problem
    from cli.passphrase import environment_of
    from cli.views.fixture import made_text
    from cli.views.sign import refused_text

    settings = settings_of(ctx)
    one_of("--key", key, KEYS)
    if host is not None and (problem := host_problem(host)) is not None:
        raise typer.BadParameter(f"--name '{printable(host)}' is no host name: {problem}")
    if address is not None and as_address(address) is None:
        raise typer.BadParameter(f"--ip '{printable(address)}' is no IP address")
    wishes = FixtureWishes(host or HOST, as_address(address or ADDRESS) or ADDRESS, key)
    document = make_fixtures(name, out, environment_of(settings), wishes)
    show(document, settings, made_text)
    if document.refused:
        say_anyway(lambda: refused_text(document.refused))
        raise typer.Exit(exit_of_several(each.exit for each in document.refused))
