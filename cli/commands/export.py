"""``sipca export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.arguments import Overwrite, Ref, key_passphrase, one_of
from cli.options import opened, settings_of
from cli.output import show


def export_command(
    ctx: typer.Context,
    ref: Ref,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder for the files.")],
    target: Annotated[
        str | None, typer.Option("--target", "--for", help="The kind of device or server.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The private key, for a server's files that hold it."),
    ] = None,
    key_passphrase_file: Annotated[
        Path | None, typer.Option(metavar="F", help="File with the key's passphrase.")
    ] = None,
    legacy_pfx: Annotated[
        bool, typer.Option("--legacy-pfx", help="A PFX with 3DES and SHA-1, for old systems.")
    ] = False,
    format: Annotated[str, typer.Option(help="pem, der or p7b.")] = "pem",  # noqa: A002 - the option's name
    crlf: Annotated[bool, typer.Option("--crlf", help="CR LF line ends.")] = False,
    zip_: Annotated[bool, typer.Option("--zip", help="One zip instead of loose files.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a certificate's upload files again: device certificate and trusted roots.

    With --target the whole kit; sheet, preflight, sums and zip of an earlier kit give way to it,
    any other file of other content stays unless --overwrite. For a server (kamailio, nginx and so
    on) exactly the files that its target names: sipca has no private key, so --key FILE gives it.

    Example: sipca export sbc1.lab.example --out upload
    """
    from ca.authority.reports.export import FORMATS, ExportWishes, export
    from ca.keys.files import KeyFileFormat
    from cli.views.export import export_text

    settings = settings_of(ctx)
    one_of("--format", format, FORMATS)
    form = KeyFileFormat(legacy=legacy_pfx, passphrase=key_passphrase(key_passphrase_file))
    wishes = ExportWishes(out, format, crlf, overwrite, target, zip_, key, form)  # type: ignore[arg-type]
    with opened(settings) as home:
        document = export(home, ref, wishes)
    show(document, settings, export_text)
