"""``sipca apply``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca.documents.exits import EXIT_CODES, exit_of_several
from ca.errors import Kind
from cli.options import settings_of, warn_of_synced_folder
from cli.output import say_anyway, show


def apply_command(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The lab file, TOML.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what would change; exit 9 if anything.")
    ] = False,
    example: Annotated[
        bool, typer.Option("--example", help="Print a lab file with comments, to begin with.")
    ] = False,
) -> None:
    """Bring a CA, its devices and certificates to what a lab file says; safe to run again.

    Example: sipca apply lab.toml
    """
    from ca.lab.apply import apply
    from ca.lab.lab_file import read_lab
    from cli.passphrase import environment_of
    from cli.views.apply import applied_text
    from cli.views.sign import refused_text

    settings = settings_of(ctx)
    if example:
        from ca.profiles.samples import lab_example

        if file is not None or check:
            raise typer.BadParameter("--example stands alone: it prints a lab file")
        print(lab_example(), end="")
        return
    if file is None:
        raise typer.BadParameter("name a lab file; sipca apply --example prints one")
    lab = read_lab(file, settings.home_path)
    warn_of_synced_folder(settings)
    document = apply(settings.home_path, lab, environment_of(settings), check=check)
    show(document, settings, applied_text)
    if document.refused:
        say_anyway(lambda: refused_text(document.refused))
        raise typer.Exit(exit_of_several(each.exit for each in document.refused))
    if check and not document.converged:
        raise typer.Exit(EXIT_CODES[Kind.INVALID])
