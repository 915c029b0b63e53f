"""``sipca restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import settings_of, warn_of_synced_folder
from cli.output import show, talk


def restore_command(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What sipca backup wrote.")],
    crl: Annotated[
        list[Path] | None,
        typer.Option(
            "--crl", metavar="FILE", help="A later CRL of this CA: its number and its entries."
        ),
    ] = None,
    cert: Annotated[
        list[Path] | None,
        typer.Option(
            "--cert", metavar="FILE", help="Certificates signed after the backup; also a folder."
        ),
    ] = None,
) -> None:
    """Make a home from a backup; --home must hold nothing.

    What was signed or revoked after the backup is known only as far as --crl and --cert tell;
    sipca check fails until that is acknowledged.

    Example: sipca restore lab.backup --home ~/lab --crl /var/www/lab.crl --cert upload/
    """
    from ca.authority.keeping.restore import RestoreWishes, restore
    from cli.passphrase import environment_of
    from cli.views.restore import restore_text

    settings = settings_of(ctx)
    wishes = RestoreWishes(file, tuple(crl or ()), tuple(cert or ()))
    document = restore(settings.home_path, wishes, environment_of(settings))
    warn_of_synced_folder(settings)
    for note in document.notes:
        talk(f"note: {note}", settings)
    show(document, settings, restore_text)
