"""``sipca rule ...``."""

from __future__ import annotations

import typer

from cli.options import settings_of
from cli.output import show


def list_command(ctx: typer.Context) -> None:
    """Every rule: its code, what it means, whether --allow takes it.

    Example: sipca rule list
    """
    from ca.authority.reports.rule import rules
    from cli.views.rule import rules_text

    show(rules(), settings_of(ctx), rules_text)
