"""``sipca check``."""

from __future__ import annotations

from typing import Annotated

import typer

from ca.documents.exits import EXIT_CODES
from ca.errors import Kind
from ca.model.findings import SEVERITIES
from ca.model.status import RENEW_BEFORE
from cli.commands.arguments import one_of, span
from cli.options import opened, settings_of
from cli.output import show, talk


def check_command(
    ctx: typer.Context,
    expiring: Annotated[
        str, typer.Option(metavar="D", help="Warn of certificates that end within this span.")
    ] = f"{RENEW_BEFORE.days}d",
    min_severity: Annotated[
        str, typer.Option(metavar="S", help="Show only this and above: info, warning, error.")
    ] = "warning",
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild", help="First rebuild derived tables that differ from history; recorded."
        ),
    ] = False,
    acknowledge: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="First record that a finding is known, as restored-gap."),
    ] = None,
) -> None:
    """What ends soon, is overdue or was left undone; exit 9 if something fails.

    Example: sipca check --min-severity info
    """
    from ca.authority.status.check import check
    from cli.views.check import check_text

    settings = settings_of(ctx)
    one_of("--min-severity", min_severity, tuple(SEVERITIES))
    within = span("--expiring", expiring)
    assert within is not None
    with opened(settings) as home:
        if acknowledge is not None:
            from ca.authority.status import restored

            code = one_of("--acknowledge", acknowledge, tuple(restored.ACKNOWLEDGED))
            restored.acknowledge(home, code)
        if rebuild:
            from ca.authority.status.soundness import rebuild_derived

            if rebuild_derived(home):
                talk("rebuilt from history, and recorded: sipca log says what differed", settings)
        document = check(home, expiring=within, least=min_severity)  # type: ignore[arg-type]
    show(document, settings, check_text)
    if document.verdict == "fail":
        raise typer.Exit(EXIT_CODES[Kind.INVALID])
