"""``sipca rekey``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca.documents.exits import exit_of_several
from cli.commands.arguments import Beside, Overwrite, Ref, RevokeOld, WholeAccount, allowed
from cli.options import opened, settings_of
from cli.output import print_json, say_anyway, talk
from cli.terminal import one_line


def rekey_command(
    ctx: typer.Context,
    ref: Ref,
    csr: Annotated[
        Path, typer.Option("--csr", metavar="FILE", help="The request with the new key.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for the upload files.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Override one rule; recorded.")
    ] = None,
    beside: Beside = False,
    revoke_old: RevokeOld = False,
    overwrite: Overwrite = False,
    account: WholeAccount = False,
) -> None:
    """Sign a request with another key for the device, context and profile of a certificate.

    Example: sipca rekey sbc1 --csr sbc1-new.csr --out upload
    """
    from ca.authority.signing.after_renewal import kept_names, remarks
    from ca.authority.signing.rekey import RekeyWishes, rekey
    from ca.authority.upload_files import Delivery, upload_steps
    from cli.views.rekey import rekeyed_text
    from cli.views.sign import pem_of, refused_text

    settings = settings_of(ctx)
    if beside and revoke_old:
        raise typer.BadParameter("--beside supersedes nothing, so --revoke-old revokes nothing")
    delivery = Delivery(folder=out, overwrite=overwrite)
    wishes = RekeyWishes(ref, csr, delivery, beside, revoke_old, allowed(allow))
    with opened(settings) as home:
        talk(f"CA: {one_line(home.name)} in {one_line(str(home.path))}", settings)
        document = rekey(home, wishes)
        left = kept_names(document) + ([] if out is None else remarks(home, document, out))
        steps = upload_steps(home, [*document.signed, *document.skipped], None)
    if settings.json:
        print_json(document)
    else:
        talk(lambda: rekeyed_text(document, steps, left, whole=account), settings)
        say_anyway(lambda: refused_text(document.refused, several=False))
        if out is None:
            print(pem_of(document, fullchain=False), end="")
    code = exit_of_several(each.exit for each in document.refused)
    if code:
        raise typer.Exit(code)
