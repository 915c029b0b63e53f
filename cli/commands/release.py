"""``sipca release``."""

from __future__ import annotations

import typer

from cli.commands.arguments import AllowClock, NoCRL, Ref, allowed_clock
from cli.options import opened, settings_of
from cli.output import show


def release_command(
    ctx: typer.Context, ref: Ref, no_crl: NoCRL = False, allow: AllowClock = None
) -> None:
    """End a hold: the certificate is good again, and absent from the next CRL.

    Example: sipca release sbc1
    """
    from ca.authority.status.revoke import release
    from cli.views.revoke import revocation_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = release(home, ref, make_crls=not no_crl, allow=allowed_clock(allow))
    show(document, settings, revocation_text)
