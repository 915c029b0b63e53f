"""``sipca status``."""

from __future__ import annotations

import typer

from cli.options import opened, settings_of
from cli.output import show


def status_command(ctx: typer.Context) -> None:
    """Which CA this is, what it holds, and the head of the audit chain.

    Example: sipca status --json
    """
    from ca.authority.reports.status import status
    from cli.views.status import status_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        show(status(home), settings, status_text)
