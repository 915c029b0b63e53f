"""``sipca backup``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import opened, settings_of
from cli.output import show, talk


def backup_command(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup; never overwritten.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Read FILE back instead; needs no home.")
    ] = False,
) -> None:
    """Copy the home, also while it is in use, into one private file.

    The CA's keys stay encrypted as they are in the home. The passphrase is not in the file: keep it
    apart.

    Example: sipca backup /media/stick/lab-2026-11-26.backup
    """
    from ca.authority.keeping.backup import backup, verify_backup
    from cli.passphrase import environment_of
    from cli.views.backup import backup_text

    settings = settings_of(ctx)
    if verify:
        document = verify_backup(file, environment_of(settings))
    else:
        with opened(settings) as home:
            document = backup(home, file)
    for note in document.notes:
        talk(f"note: {note}", settings)
    show(document, settings, backup_text)
