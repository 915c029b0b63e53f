"""``sipca issue``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from ca.keys.specs import SPECS
from cli.commands.arguments import (
    Beside,
    RevokeOld,
    allowed,
    key_passphrase,
    lifetime,
    one_of,
    span,
)
from cli.options import opened, settings_of
from cli.output import show


def issue_command(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names and addresses.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files.")],
    profile: Annotated[str, typer.Option(help="The signing profile.")] = "sip",
    key: Annotated[
        str | None,
        typer.Option(
            help=f"One of {', '.join(SPECS)}; default ec:p256, or what the target or the device's "
            "is known to take."
        ),
    ] = None,
    lifetime_: Annotated[
        str | None, typer.Option("--lifetime", metavar="D|max", help="90d, 2y, 2028-01-31, max.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="The device's name in the register.")] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", "--for", help="A kind of server: the files that it wants."),
    ] = None,
    pfx: Annotated[bool, typer.Option("--pfx", help="Key and certificates in one PFX.")] = False,
    legacy_pfx: Annotated[
        bool, typer.Option("--legacy-pfx", help="A PFX with 3DES and SHA-1, for old firmware.")
    ] = False,
    key_passphrase_file: Annotated[
        Path | None, typer.Option(metavar="F", help="File with the key's own passphrase.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Override one rule; recorded.")
    ] = None,
    renew_before: Annotated[
        str | None,
        typer.Option(
            metavar="D",
            help="Renew when this much or less is left; default 60d, or a "
            "third of its life if that is less.",
        ),
    ] = None,
    beside: Beside = False,
    revoke_old: RevokeOld = False,
) -> None:
    """Make a key and its certificate: for test peers, shared and wildcard certificates.

    A device's own key is better: it never leaves the device. This key is handed out once, is
    readable by its owner alone, and is not kept. Run again: kept while good, renewed after.
    With --target kamailio, asterisk, nginx and so on exactly the files that such a server wants,
    the configuration that names them and the command to reload it (sipca target list).

    Example: sipca issue peer1.lab.example 10.4.0.30 --out peer1
    """
    from ca.authority.signing.issue import IssueWishes, inferred_name, issue_key
    from ca.keys.files import KeyFileFormat
    from cli.device_names import with_device_meant
    from cli.store_passphrase import store_passphrase
    from cli.views.issue import issued_text

    settings = settings_of(ctx)
    if key is not None:
        one_of("--key", key, SPECS)
    pfx = pfx or (legacy_pfx and target is None)
    if beside and revoke_old:
        raise typer.BadParameter("--beside supersedes nothing, so --revoke-old revokes nothing")
    pfx = pfx or (legacy_pfx and target is None)
    passphrase = key_passphrase(key_passphrase_file)
    if pfx and passphrase is None:
        raise typer.BadParameter("--pfx needs --key-passphrase-file FILE")
    wishes = IssueWishes(
        names=tuple(inferred_name(name) for name in names),
        folder=out,
        profile=profile,
        key=key,
        lifetime=lifetime(lifetime_),
        device=device,
        allow=allowed(allow),
        renew_before=span("--renew-before", renew_before),
        beside=beside,
        revoke_old=revoke_old,
        target=target,
    )
    with opened(settings) as home:
        secret = store_passphrase(home, settings, passphrase, target=target, out=out)
        form = KeyFileFormat(pfx, legacy_pfx, secret)
        meant = with_device_meant(home, settings, wishes)
        document = issue_key(home, msgspec.structs.replace(meant, form=form))
    show(document, settings, issued_text)
