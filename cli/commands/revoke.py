"""``sipca revoke``."""

from __future__ import annotations

from typing import Annotated

import typer

from ca.model.status import KEY_COMPROMISE, REASONS, Reason
from cli.commands.arguments import AllowClock, NoCRL, RootKeyFile, allowed_clock, moment, one_of
from cli.options import opened, settings_of
from cli.output import show


def revoke_command(
    ctx: typer.Context,
    refs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[REF]...", help="Device, CN, any SAN, or serial prefix."),
    ] = None,
    serial: Annotated[
        list[str] | None,
        typer.Option(metavar="HEX", help="A serial, also one that was only planned."),
    ] = None,
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(REASONS)}.")] = "unspecified",
    invalid_since: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Since when the key is suspect (invalidityDate)."),
    ] = None,
    all_with_key: Annotated[
        bool,
        typer.Option(
            "--all-with-key",
            help="Every certificate of the same key; with --reason key-compromise alone.",
        ),
    ] = False,
    no_crl: NoCRL = False,
    allow: AllowClock = None,
    root_key_file: RootKeyFile = None,  # noqa: ARG001 - the settings have it
) -> None:
    """Revoke certificates; OCSP says so at once, the CRL is made in the same call.

    Recording needs no passphrase, the CRL does: without one it is left pending, and said. A name
    means its current certificate; with --reason superseded those that are superseded.

    Example: sipca revoke sbc1 --reason superseded
    """
    from ca.authority.status.revoke import RevocationWishes, revoke
    from cli.views.revoke import revocation_text

    settings = settings_of(ctx)
    because: Reason = one_of("--reason", reason, REASONS)
    if not refs and not serial:
        raise typer.BadParameter("name a certificate: REF, or --serial HEX")
    if all_with_key and reason != KEY_COMPROMISE:
        raise typer.BadParameter("--all-with-key goes with --reason key-compromise")
    wishes = RevocationWishes(
        because,
        moment("--invalid-since", invalid_since),
        all_with_key,
        not no_crl,
        allowed_clock(allow),
    )
    with opened(settings) as home:
        document = revoke(home, refs or [], serial or [], wishes)
    show(document, settings, revocation_text)
