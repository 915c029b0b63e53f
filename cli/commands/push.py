"""``sipca push``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ca.documents.exits import EXIT_CODES
from ca.errors import Kind
from cli.commands.arguments import one_of, span
from cli.credentials import PasswordFile, User, credentials
from cli.options import opened, settings_of
from cli.output import show, talk

FORMS = ("rest", "cli-script", "ini")
Address = Annotated[
    str | None,
    typer.Option(metavar="A", help="HOST or HOST:PORT of its web interface, if not registered."),
]
Pin = Annotated[
    str | None,
    typer.Option(metavar="SHA256", help="The certificate that its web interface shows."),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Take any certificate of the web interface.")
]
Context = Annotated[
    int | None, typer.Option(min=0, max=99, help="The TLS context; default the device's, else 0.")
]


def push_command(
    ctx: typer.Context,
    device: Annotated[
        list[str] | None, typer.Argument(metavar="DEVICE...", help="Registered devices.")
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="Every device with a current certificate.")
    ] = False,
    expiring: Annotated[
        str | None,
        typer.Option(metavar="D", help="With --all: only where a certificate ends within this."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; else only say what would be done.")
    ] = False,
    context: Context = None,
    replace_trust: Annotated[
        bool,
        typer.Option(
            "--replace-trust",
            help="Replace the whole trust store; what was there is first kept in --out.",
        ),
    ] = False,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where --replace-trust keeps what was there.")
    ] = Path(),
    form: Annotated[
        str,
        typer.Option("--as", metavar="FORM", help="rest; or print for hand work: cli-script, ini."),
    ] = "rest",
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Do not stop at the first device that fails.")
    ] = False,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not look at the SIP port afterwards.")
    ] = False,
    address: Address = None,
    user: User = None,
    password_file: PasswordFile = None,
    pin: Pin = None,
    insecure: Insecure = False,
) -> None:
    """Load certificate and trust files into devices over their documented REST interface.

    Without --yes nothing is changed. The interface is known from documents: it was never tried on a
    real device.

    Example: sipca push sbc1 --user Admin --password-file sbc1.password --yes
    """
    settings = settings_of(ctx)
    names = list(device or ())
    if bool(names) is everyone:
        raise typer.BadParameter("name devices, or give --all")
    if expiring is not None and not everyone:
        raise typer.BadParameter("--expiring goes with --all")
    if address is not None and (everyone or len(names) > 1):
        raise typer.BadParameter("--address is of one device")
    one_of("--as", form, FORMS)
    within = span("--expiring", expiring)
    if form != "rest":
        _print(ctx, names, context, form)
        return
    from ca.authority.devices.push import PushWishes, names_to_push, push
    from ca.authority.devices.session import Reach
    from cli.views.push import device_text, push_text

    reach = Reach(
        credentials=credentials(settings, user, password_file),
        address=address,
        pin=pin,
        insecure=insecure,
    )
    if insecure:
        talk("warning: --insecure: whoever answers gets the password and the files", settings)
    wishes = PushWishes(
        reach=reach,
        context=context,
        replace_trust=out if replace_trust else None,
        keep_going=keep_going,
        check=not no_check,
        yes=yes,
    )
    with opened(settings) as home:
        chosen = names_to_push(home, within) if everyone else names
        document = push(
            home,
            chosen,
            wishes,
            lambda each: None if settings.json else talk(lambda: device_text(each), settings),
        )
    show(document, settings, push_text)
    if document.verdict == "fail":
        raise typer.Exit(EXIT_CODES[Kind.INVALID])


def _print(ctx: typer.Context, names: list[str], context: int | None, form: str) -> None:
    from ca.authority.devices.push import current_of, pasted
    from ca.authority.devices.session import place_of

    if not names:
        raise typer.BadParameter(f"--as {form} is for named devices")
    with opened(settings_of(ctx)) as home:
        for name in names:
            place = place_of(home, name, context, "127.0.0.1")
            for line in pasted(home, place, current_of(home, place), form):
                print(line)
