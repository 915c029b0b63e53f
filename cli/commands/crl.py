"""``sipca crl``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.arguments import AllowClock, RootKeyFile, allowed_clock, one_of, span
from cli.options import opened, settings_of
from cli.output import print_json, talk, write_pieces


def crl_command(
    ctx: typer.Context,
    ca: Annotated[str, typer.Option("--ca", help="issuing, root, all, or a CA's 8 hex digits.")] = (
        "issuing"
    ),
    format: Annotated[str, typer.Option(help="pem or der.")] = "pem",  # noqa: A002 - the option's name
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="A file, not stdout.")
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Make a new one in any case.")] = False,
    if_within: Annotated[
        str | None,
        typer.Option(metavar="D", help="Make a new one if the newest ends within, as 7d."),
    ] = None,
    lifetime: Annotated[str, typer.Option(metavar="D", help="How long a new one holds.")] = "180d",
    allow: AllowClock = None,
    root_key_file: RootKeyFile = None,  # noqa: ARG001 - the settings have it
) -> None:
    """The newest CRL on stdout or in a file; a new one is signed where needed.

    A file is replaced if it is a CRL of this CA, and no link is followed.
    Needed: there is none, it has ended, or it does not list the latest revocations.

    Example: sipca crl --if-within 7d -o /var/www/lab.crl
    """
    from ca.authority.status.crl import (
        FORMATS,
        CRLFormat,
        CRLWishes,
        ca_called,
        formatted,
        formatted_all,
        hand_out_all,
        hand_out_crl,
    )
    from cli.views.crl import crl_text

    settings = settings_of(ctx)
    form: CRLFormat = one_of("--format", format, FORMATS)
    if refresh and if_within is not None:
        raise typer.BadParameter("--refresh and --if-within are two wishes; choose one")
    within, lasting = span("--if-within", if_within), span("--lifetime", lifetime)
    assert lasting is not None
    wishes = CRLWishes(refresh, within, lasting, form, output, allowed_clock(allow))
    everything = ca == "all"
    if everything and form == "der":
        raise typer.BadParameter("--ca all is several CRLs, which only --format pem holds")
    with opened(settings) as home:
        document = (
            hand_out_all(home, wishes)
            if everything
            else hand_out_crl(home, ca_called(home, ca), wishes)
        )
        talk(lambda: crl_text(document), settings)
        if settings.json:
            print_json(document)
        elif output is None:
            pieces = (
                formatted_all(home) if everything else formatted(home, ca_called(home, ca), form)
            )
            write_pieces(pieces, binary=form == "der")
