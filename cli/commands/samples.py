"""``sipca samples``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.arguments import Overwrite
from cli.options import settings_of
from cli.output import show


def samples_command(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder for the files.")],
    overwrite: Overwrite = False,
) -> None:
    """Write sample CSRs into a folder: good, odd and bad ones, to try sipca with.

    No home is needed. Run again, it changes nothing.

    Example: sipca samples samples
    """
    from ca.lab.samples import write_samples
    from cli.views.samples import samples_text

    show(write_samples(folder, overwrite=overwrite), settings_of(ctx), samples_text)
