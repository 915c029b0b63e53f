"""``sipca ca ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import opened, settings_of
from cli.output import show


def set_command(
    ctx: typer.Context,
    base_url: Annotated[
        str | None, typer.Option(help="http URL for CRL, OCSP and CA addresses, or none.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", "--for", help="The kind of device, if not said otherwise."),
    ] = None,
) -> None:
    """Change what certificates issued from now on carry, and the usual device target.

    Example: sipca ca set --base-url http://10.0.0.5:8080
    """
    from ca.authority.founding.ca import set_settings
    from cli.views.ca import settings_text

    settings = settings_of(ctx)
    if base_url is None and target is None:
        raise typer.BadParameter("give --base-url or --target")
    with opened(settings) as home:
        show(set_settings(home, base_url=base_url, target=target), settings, settings_text)


NewPassphraseFile = Annotated[
    str | None,
    typer.Option(
        "--new-passphrase-file", metavar="F", help="File with the new passphrase; - is stdin."
    ),
]


def passphrase_command(ctx: typer.Context, new_passphrase_file: NewPassphraseFile = None) -> None:
    """Give the CA's keys another passphrase, with today's rounds, all or none.

    Backups and copies that were made before open with the old one.

    Example: sipca ca passphrase --passphrase-file old --new-passphrase-file new
    """
    from ca.authority.founding.passphrase import change_passphrase
    from cli.passphrase import NewPassphrase
    from cli.views.ca import passphrase_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = change_passphrase(home, NewPassphrase(settings, new_passphrase_file))
    show(document, settings, passphrase_text)


def export_root_key_command(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The key; never overwritten.")],
    new_passphrase_file: NewPassphraseFile = None,
) -> None:
    """Write the root's key into a private file, encrypted (PKCS#8), and read it back.

    Without --new-passphrase-file the file has the home's passphrase; it never has none.

    Example: sipca ca export-root-key /media/stick/root.key --new-passphrase-file stick.txt
    """
    from ca.authority.founding.root_key import export_root_key
    from cli.passphrase import NewPassphrase
    from cli.views.ca import root_key_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        own = new_passphrase_file is not None or not home.ca("root").key.encrypted
        new = NewPassphrase(settings, new_passphrase_file) if own else None
        document = export_root_key(home, file, new)
    show(document, settings, root_key_text)


def drop_root_key_command(
    ctx: typer.Context,
    exported: Annotated[
        Path, typer.Option("--exported", metavar="FILE", help="What export-root-key wrote.")
    ],
) -> None:
    """Remove the root's key from the home, once its exported file was read back.

    The passphrase is the file's. From then on --root-key-file FILE lets the root sign.

    Example: sipca ca drop-root-key --exported /media/stick/root.key --passphrase-file stick.txt
    """
    from ca.authority.founding.root_key import drop_root_key
    from cli.views.ca import root_key_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = drop_root_key(home, exported)
    show(document, settings, root_key_text)
