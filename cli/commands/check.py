"""``sipca check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca.documents.exits import EXIT_CODES
from ca.errors import Kind
from ca.model.findings import SEVERITIES
from cli.commands.arguments import one_of, span
from cli.options import opened, settings_of
from cli.output import show, talk


def check_command(
    ctx: typer.Context,
    expiring: Annotated[
        str | None,
        typer.Option(
            metavar="D",
            help="Warn of certificates that end within this span; default 60d, or a third of their "
            "life if that is less.",
        ),
    ] = None,
    min_severity: Annotated[
        str, typer.Option(metavar="S", help="Show only this and above: info, warning, error.")
    ] = "warning",
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 9 also if there are only warnings.")
    ] = False,
    metrics: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Also write the result for a Prometheus textfile collector, atomically.",
        ),
    ] = None,
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
    with opened(settings) as home:
        if acknowledge is not None:
            from ca.authority.status import restored

            code = one_of("--acknowledge", acknowledge, tuple(restored.ACKNOWLEDGED))
            restored.acknowledge(home, code)
        if rebuild:
            from ca.authority.status.soundness import rebuild_derived

            if rebuild_derived(home):
                talk("rebuilt from history, and recorded: sipca log says what differed", settings)
        document = check(
            home,
            expiring=within,
            least=min_severity,  # type: ignore[arg-type]
            metrics=metrics,
        )
    show(document, settings, check_text)
    if document.verdict == "fail" or (strict and document.verdict == "warn"):
        raise typer.Exit(EXIT_CODES[Kind.INVALID])
