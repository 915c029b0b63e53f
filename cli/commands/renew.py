"""``sipca renew``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from ca.documents.exits import exit_of_several
from cli.commands.arguments import (
    Overwrite,
    Report,
    RevokeOld,
    allowed,
    key_passphrase,
    lifetime,
    span,
)
from cli.options import opened, settings_of
from cli.output import print_json, say_anyway, talk
from cli.terminal import one_line


def renew_command(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files.")],
    refs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[REF]...", help="Device, CN, any SAN, or serial prefix."),
    ] = None,
    expiring: Annotated[
        str | None, typer.Option(metavar="D", help="Only those that end within this span.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Those of this device.")] = None,
    lifetime_: Annotated[
        str | None,
        typer.Option("--lifetime", metavar="D|max", help="90d, 2y, 2028-01-31, max."),
    ] = None,
    renew_before: Annotated[
        str | None,
        typer.Option(
            metavar="D",
            help="When a certificate is due; default 60d, or a third of its life if that is less.",
        ),
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Override one rule; recorded.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", "--for", help="A kind of server: into the files that it wants."),
    ] = None,
    key_passphrase_file: Annotated[
        Path | None, typer.Option(metavar="F", help="File with the key's or store's passphrase.")
    ] = None,
    revoke_old: RevokeOld = False,
    overwrite: Overwrite = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be renewed and write nothing.")
    ] = False,
    report: Report = None,
) -> None:
    """New certificates for the same keys and names, under the same file names.

    Without REF and --device those that are due, expired ones included. A named one is renewed at
    once; with --expiring or --renew-before only if it is due then. A key made here stays as it is.

    Example: sipca renew --out upload
    """
    from ca.authority.own_files import refuse_foreign_report
    from ca.authority.signing.after_renewal import for_devices, next_due, remarks
    from ca.authority.signing.renew import RenewWishes, renew
    from ca.authority.upload_files import upload_steps
    from ca.files import write_stream
    from ca.keys.files import KeyFileFormat
    from cli.output import json_pieces
    from cli.store_passphrase import store_passphrase
    from cli.views.renew import renewed_text
    from cli.views.sign import refused_text

    settings = settings_of(ctx)
    if expiring is not None and renew_before is not None:
        raise typer.BadParameter("--expiring and --renew-before are two spans; choose one")
    if refs and device is not None:
        raise typer.BadParameter("--device and REF are two choices; leave one out")
    if report is not None and not overwrite:
        refuse_foreign_report(report)
    within = span("--expiring", expiring) or span("--renew-before", renew_before)
    wishes = RenewWishes(
        out,
        tuple(refs or ()),
        device,
        within,
        lifetime(lifetime_),
        allowed(allow),
        revoke_old,
        overwrite,
        dry_run,
        target,
    )
    given = key_passphrase(key_passphrase_file)
    with opened(settings) as home:
        talk(f"CA: {one_line(home.name)} in {one_line(str(home.path))}", settings)
        secret = store_passphrase(home, settings, given, target=target, out=out)
        form = KeyFileFormat(passphrase=secret)
        document = renew(home, msgspec.structs.replace(wishes, form=form))
        served = any(each.server is not None for each in document.signed)
        left = remarks(home, document, out)
        idle = not (refs or document.signed or document.skipped or document.refused)
        ahead = next_due(home, device, within) if idle and not settings.json else None
        steps = [] if dry_run or served else upload_steps(home, for_devices(document), None)
    if report is not None:
        write_stream(report, json_pieces(document))
    if settings.json:
        print_json(document)
    else:
        talk(lambda: renewed_text(document, steps, left, ahead), settings)
        say_anyway(lambda: refused_text(document.refused))
    code = exit_of_several(each.exit for each in document.refused)
    if code:
        raise typer.Exit(code)
