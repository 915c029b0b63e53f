"""``sipca list``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from ca.model.status import STATUSES
from cli.commands.arguments import one_of, span
from cli.options import opened, settings_of
from cli.output import talk
from cli.terminal import one_line


def list_command(
    ctx: typer.Context,
    expiring: Annotated[
        str | None,
        typer.Option(help="Only those that end within this span, as 60d, or have ended."),
    ] = None,
    status: Annotated[
        list[str] | None, typer.Option(help=f"Only these: {', '.join(STATUSES)}.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="Only of this profile.")] = None,
    device: Annotated[str | None, typer.Option(help="Only of this device.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also superseded, revoked and abandoned ones.")
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout.")] = False,
    ics: Annotated[
        Path | None,
        typer.Option(
            "--ics", metavar="FILE", dir_okay=False, help="Also write their ends as a calendar."
        ),
    ] = None,
) -> None:
    """The certificates in use, by their end: current ones, and those that expired unreplaced.

    Example: sipca list --expiring 60d
    """
    from ca.authority.reports.list import ListWishes, list_certificates, listed
    from cli.list_output import Certificates
    from cli.views.list import list_csv, list_text

    settings = settings_of(ctx)
    for word in status or ():
        one_of("--status", word, STATUSES)
    if csv and settings.json:
        raise typer.BadParameter("--csv and --json are two answers")
    wishes = ListWishes(
        span("--expiring", expiring), frozenset(status or ()), profile, device, everything
    )
    with closing(Certificates(settings, list_csv if csv else list_text)) as certificates:
        with opened(settings) as home:
            if ics is not None:
                from ca.authority.reports.calendar import write_calendar

                count = write_calendar(home, listed(home, wishes), ics)
                what = "certificate" if count == 1 else "certificates"
                talk(f"{one_line(str(ics))}: a calendar of {count} {what}", settings)
            document = list_certificates(home, wishes, hand_on=certificates.take)
        certificates.print(document)
    if not certificates.count and not csv and not settings.json:
        talk("no certificates match; 'sipca list --all' shows every one", settings)
