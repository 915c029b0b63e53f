"""``sipca version``."""

from __future__ import annotations

import typer

from ca import __version__
from cli.options import settings_of
from cli.output import show


def version_command(ctx: typer.Context) -> None:
    """The version, as --version says it.

    Example: sipca version
    """
    from ca.documents.version import VersionDocument
    from cli.views.version import version_text

    show(VersionDocument(version=__version__), settings_of(ctx), version_text)
