"""``sipca scep ...``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ca.documents.exits import exit_of_several
from cli.commands.arguments import AllowClock, allowed, allowed_clock, span
from cli.options import opened, settings_of
from cli.output import print_json, say_anyway, show, talk
from cli.terminal import one_line

if TYPE_CHECKING:
    from ca.authority.home import Home
    from ca.documents.scep import EnrolmentDecisionDocument
    from cli.settings import Settings

Numbers = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Numbers of requests, as scep list has them.")
]


def list_command(
    ctx: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="Decided ones too, and what was refused before.")
    ] = False,
) -> None:
    """The requests that wait for you: whose they claim to be, from where, what speaks against them.

    Example: sipca scep list
    """
    from ca.authority.enrolment.scep import list_requests
    from cli.views.scep import requests_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = list_requests(home, everything=everything)
    show(document, settings, lambda it: requests_text(it, everything=everything))


def show_command(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(metavar="ID", help="The number of a request.")],
) -> None:
    """One request: its findings, and the account of what approving it would issue.

    Example: sipca scep show 3
    """
    from ca.authority.enrolment.scep import show_request
    from cli.views.scep import request_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = show_request(home, number)
    show(document, settings, request_text)


def approve_command(
    ctx: typer.Context,
    numbers: Numbers,
    profile: Annotated[
        str | None,
        typer.Option(help="By which to sign; default the challenge's, the device's, phone."),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Whose it is; default the one that it claims to be.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Override one rule; recorded.")
    ] = None,
) -> None:
    """Sign requests as sipca sign does; each device fetches its certificate when it asks next.

    Example: sipca scep approve 3 4
    """
    from ca.authority.enrolment.scep import approve
    from ca.authority.enrolment.signing import Choices
    from cli.device_names import name_meant

    settings = settings_of(ctx)
    if device is not None and len(set(numbers)) > 1:
        raise typer.BadParameter("--device is for one request; approve the others on their own")
    codes = allowed(allow)
    with opened(settings) as home:
        _tell_home(home, settings)
        if device is not None:
            device = name_meant(home, settings, device)[0]
        document = approve(home, numbers, Choices(profile, device, codes))
    _end(document, settings, several=len(numbers) > 1)


def deny_command(
    ctx: typer.Context,
    numbers: Numbers,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; the trail and the server's log have it.")
    ] = "the operator denied it",
) -> None:
    """Deny requests; a device that asks again is refused again.

    Example: sipca scep deny 5 --reason "nobody knows this phone"
    """
    from ca.authority.enrolment.scep import deny

    settings = settings_of(ctx)
    if not 1 <= len(reason.strip()) <= 200 or not reason.isprintable():
        raise typer.BadParameter("--reason: give 1 to 200 printable characters")
    with opened(settings) as home:
        document = deny(home, numbers, reason.strip())
    _end(document, settings, several=len(numbers) > 1)


def challenge_command(
    ctx: typer.Context,
    device: Annotated[
        str | None, typer.Option(help="For this device's names alone; else for any that are free.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="By which to sign; default the device's, phone.")
    ] = None,
    ttl: Annotated[str, typer.Option(metavar="D", help="How long it may be used.")] = "24h",
    uses: Annotated[
        int, typer.Option(min=1, max=1000, metavar="N", help="How many requests it is good for.")
    ] = 1,
) -> None:
    """Make a one-time challenge, and print what the phone's configuration needs with it.

    It is shown this once: the register has its hash alone. With it a request is issued without
    you, if the issuing key has no passphrase; else it waits in the queue.

    Example: sipca scep challenge --device 00908f123456
    """
    from ca.authority.enrolment.challenge import LONGEST, ChallengeWishes, make_challenge
    from cli.device_names import name_meant
    from cli.views.scep import challenge_text

    settings = settings_of(ctx)
    lasting = span("--ttl", ttl)
    assert lasting is not None
    if lasting > LONGEST:
        raise typer.BadParameter(f"--ttl: '{ttl}' is more than {LONGEST.days} days")
    with opened(settings) as home:
        if device is not None:
            device = name_meant(home, settings, device)[0]
        document = make_challenge(home, ChallengeWishes(device, profile, lasting, uses))
    show(document, settings, challenge_text)


def rotate_command(
    ctx: typer.Context,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="Only if half of its life is over, or there is none.")
    ] = False,
    allow: AllowClock = None,
) -> None:
    """Make a new RA certificate with a new key: devices encrypt their requests to it.

    Example: sipca scep rotate --if-due
    """
    from ca.authority.enrolment.scep import rotate
    from cli.views.scep import ra_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = rotate(home, if_due=if_due, allow=allowed_clock(allow))
    show(document, settings, ra_text)


def _tell_home(home: Home, settings: Settings) -> None:
    talk(f"CA: {one_line(home.name)} in {one_line(str(home.path))}", settings)


def _end(document: EnrolmentDecisionDocument, settings: Settings, *, several: bool) -> None:
    from cli.views.scep import decisions_text
    from cli.views.sign import refused_text

    if settings.json:
        print_json(document)
    else:
        talk(lambda: decisions_text(document), settings)
        say_anyway(lambda: refused_text(document.refused, several=several))
    code = exit_of_several(each.exit for each in document.refused)
    if code:
        raise typer.Exit(code)
