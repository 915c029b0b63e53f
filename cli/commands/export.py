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

    With --target the whole kit. What sipca wrote there for it or for those that it superseded
    gives way, unless it was edited; any other file stays unless --overwrite. For a server
    (kamailio, nginx and so on) exactly the files that its target names: sipca has no private key,
    so --key FILE gives it.

    Example: sipca export sbc1.lab.example --out upload
    """
    from ca.authority.reports.export import FORMATS, ExportWishes, export
    from ca.keys.files import KeyFileFormat
    from cli.store_passphrase import store_passphrase
    from cli.views.export import export_text

    settings = settings_of(ctx)
    one_of("--format", format, FORMATS)
    given = key_passphrase(key_passphrase_file)
    with opened(settings) as home:
        secret = store_passphrase(home, settings, given, target=target, out=out)
        form = KeyFileFormat(legacy=legacy_pfx, passphrase=secret)
        wishes = ExportWishes(out, format, crlf, overwrite, target, zip_, key, form)  # type: ignore[arg-type]
        document = export(home, ref, wishes)
    show(document, settings, export_text)
