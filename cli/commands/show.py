"""``sipca show``."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.arguments import Ref
from cli.options import opened, settings_of
from cli.output import show


def show_command(
    ctx: typer.Context,
    ref: Ref,
    pem: Annotated[bool, typer.Option("--pem", help="Only the certificate's PEM.")] = False,
) -> None:
    """One certificate with the account of how it came to be.

    Example: sipca show sbc1.lab.example
    """
    from ca.authority.reports.show import show_certificate
    from cli.views.show import pem_text, show_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = show_certificate(home, ref)
    show(document, settings, pem_text if pem else show_text)
