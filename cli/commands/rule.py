"""``sipca rule ...``."""

from __future__ import annotations

from typing import Annotated

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


def show_command(
    ctx: typer.Context,
    code: Annotated[
        str, typer.Argument(help="The code of a rule, as findings and errors name it.")
    ],
) -> None:
    """One rule: what holds where it is met, a good and a bad case, and what it cites.

    Example: sipca rule show san-dns-address
    """
    from ca.authority.reports.rule import show_rule
    from cli.views.rule import rule_text

    show(show_rule(code), settings_of(ctx), rule_text)
