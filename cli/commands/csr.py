"""``sipca csr ...``."""

from __future__ import annotations

from typing import Annotated

import typer

from ca.documents.exits import EXIT_CODES
from ca.errors import Kind
from cli.commands.arguments import WholeAccount
from cli.commands.profile import library_of
from cli.options import opened, settings_of
from cli.output import show


def show_command(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The CSR; - is stdin.")],
    profile: Annotated[
        str | None, typer.Option(help="Also the account of what would be issued.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", "--for", help="The kind of device.")
    ] = None,
    account: WholeAccount = False,
) -> None:
    """What the device asked for: names, key, proof of possession, findings.

    With --profile what would be issued; exit 4 where sign would refuse it.

    Example: sipca csr show sbc1.csr --profile sip
    """
    from ca.authority.home import DEFAULT_TARGET
    from ca.authority.signing.csr import inspect_request, with_account
    from cli.sources import read_one
    from cli.views.csr import request_text

    settings = settings_of(ctx)
    data = read_one(file, settings)
    if profile is None:
        document = inspect_request(
            data, source=file, library=library_of(settings), target=target or DEFAULT_TARGET
        )
    else:
        with opened(settings) as home:
            document = inspect_request(
                data, source=file, library=home.library, target=target or home.target
            )
            document = with_account(home, document, data, profile, target or home.target)
    show(document, settings, lambda each: request_text(each, whole=account))
    failed = {each.code for each in document.findings if each.result == "fail"}
    if "broken-signature" in failed:
        raise typer.Exit(EXIT_CODES[Kind.INVALID])
    if any(code.startswith("profile-") for code in failed) or "device-verbatim" in failed:
        raise typer.Exit(EXIT_CODES[Kind.REFUSED])
