"""``sipca pull``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.arguments import Overwrite, one_of
from cli.commands.push import Address, Context, Insecure, Pin
from cli.credentials import PasswordFile, User, credentials
from cli.options import opened, settings_of
from cli.output import show, talk

KEYS = ("keep", "rsa:2048", "rsa:3072", "rsa:4096")


def pull_command(
    ctx: typer.Context,
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="A registered device.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; else only say what would be done.")
    ] = False,
    key: Annotated[
        str,
        typer.Option(metavar="K", help="keep, or a new one: rsa:2048, rsa:3072, rsa:4096."),
    ] = "keep",
    cn: Annotated[
        str | None, typer.Option(metavar="NAME", help="The CN; default its first host name.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-o", metavar="FILE", help="The CSR; default stdout.")
    ] = None,
    overwrite: Overwrite = False,
    context: Context = None,
    address: Address = None,
    user: User = None,
    password_file: PasswordFile = None,
    pin: Pin = None,
    insecure: Insecure = False,
) -> None:
    """Have a device make a CSR, with a new key if wished, and fetch it over its REST interface.

    Without --yes nothing is changed. The interface is known from documents: it was never tried on a
    real device. It takes no SANs: give them to sipca sign.

    Example: sipca pull sbc1 --key rsa:2048 --password-file sbc1.password --yes -o sbc1.csr
    """
    from ca.authority.devices.pull import PullWishes, pull
    from ca.authority.devices.session import Reach
    from cli.views.pull import pull_talk, pull_text

    settings = settings_of(ctx)
    one_of("--key", key, KEYS)
    reach = Reach(
        credentials=credentials(settings, user, password_file),
        address=address,
        pin=pin,
        insecure=insecure,
    )
    if insecure:
        talk("warning: --insecure: whoever answers gets the password", settings)
    wishes = PullWishes(
        reach=reach,
        context=context,
        new_key=None if key == "keep" else int(key.partition(":")[2]),
        subject={} if cn is None else {"subjectName": cn},
        file=file,
        overwrite=overwrite,
        yes=yes,
    )
    with opened(settings) as home:
        document = pull(home, device, wishes)
    if not settings.json:
        talk(lambda: pull_talk(document), settings)
    show(document, settings, pull_text)
