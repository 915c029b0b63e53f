"""``sipca chain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.arguments import Overwrite, one_of
from cli.options import opened, settings_of
from cli.output import show, talk, write_bytes


def chain_command(
    ctx: typer.Context,
    parts: Annotated[str, typer.Option(help="all, root or issuing.")] = "all",
    format: Annotated[str, typer.Option(help="pem, der or p7b.")] = "pem",  # noqa: A002 - the option's name
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file instead of stdout.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """The CA certificates, issuing first and root last, for a Trusted Root page.

    Example: sipca chain -o trusted-root.pem
    """
    from ca.authority.reports.chain import PARTS, chain, chain_document, write_chain
    from ca.authority.reports.export import FORMATS
    from cli.views.chain import chain_text
    from cli.views.files import wrote

    settings = settings_of(ctx)
    one_of("--parts", parts, PARTS)
    one_of("--format", format, FORMATS)
    with opened(settings) as home:
        data = chain(home, parts=parts, format=format)  # type: ignore[arg-type]
        if output is not None:
            written = write_chain(output, data, overwrite=overwrite)
            talk(wrote(str(output), unchanged=not written), settings)
        if settings.json:
            show(chain_document(home, parts=parts), settings, chain_text)  # type: ignore[arg-type]
        elif output is None:
            write_bytes(data, binary=format != "pem")
