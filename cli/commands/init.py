"""``sipca init``."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.arguments import NoPassphrase, Protect, key_of, one_of, span
from cli.options import settings_of, warn_of_synced_folder
from cli.output import show, talk


def init_command(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Option(help='Name of the CA, as "Acme Voice Lab".')] = None,
    org: Annotated[str | None, typer.Option(help="Organisation (O) in the CA's subject.")] = None,
    country: Annotated[str | None, typer.Option(help="Country (C), two letters.")] = None,
    root_key: Annotated[
        str | None,
        typer.Option(
            help="The root's key: rsa:2048|3072|4096, ec:p256|p384|p521, a pkcs11: URI [rsa:4096]."
        ),
    ] = None,
    issuing_key: Annotated[
        str | None, typer.Option(help="The same for the issuing CA [rsa:3072].")
    ] = None,
    root_lifetime: Annotated[
        str | None, typer.Option(help="How long the root lives [20y].")
    ] = None,
    issuing_lifetime: Annotated[
        str | None,
        typer.Option(help="The same for the issuing CA [10y]; never past the root's end."),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(help="http URL that certificates name for CRL, OCSP and CA certificates."),
    ] = None,
    permit_dns: Annotated[
        list[str] | None,
        typer.Option(help="Sign only names in this domain (a name constraint). Repeatable."),
    ] = None,
    permit_ip: Annotated[
        list[str] | None,
        typer.Option(help="Sign only addresses in this network, as 10.0.0.0/8. Repeatable."),
    ] = None,
    protect: Protect = None,
    no_passphrase: NoPassphrase = False,
) -> None:
    """Make a root and an issuing CA; again with the same wishes changes nothing.

    Example: sipca init --name "Acme Voice Lab" --base-url http://10.0.0.5:8080
    """
    from ca.authority.founding.init import create_ca
    from ca.authority.founding.wishes import PROTECTIONS, FoundingWishes
    from cli.founding import founding_dialogue
    from cli.passphrase import environment_of
    from cli.views.init import init_text

    settings = settings_of(ctx)
    for flag, spec in (("--root-key", root_key), ("--issuing-key", issuing_key)):
        if spec is not None:
            key_of(flag, spec)
    if protect is not None:
        one_of("--protect", protect, PROTECTIONS)
    if no_passphrase and protect not in (None, "none"):
        raise typer.BadParameter(f"--no-passphrase and --protect {protect} contradict each other")
    environment = environment_of(settings)
    secret = not no_passphrase and protect != "none"
    name, base_url = founding_dialogue(settings, environment, name, base_url, secret=secret)
    wishes = FoundingWishes(
        name=name,
        org=org,
        country=country,
        root_key=root_key,
        issuing_key=issuing_key,
        root_lifetime=span("--root-lifetime", root_lifetime),
        issuing_lifetime=span("--issuing-lifetime", issuing_lifetime),
        base_url=base_url,
        permit_dns=tuple(permit_dns or ()),
        permit_ip=tuple(permit_ip or ()),
        protect="none" if no_passphrase else protect,  # type: ignore[arg-type]
    )
    document = create_ca(settings.home_path, wishes, environment)
    warn_of_synced_folder(settings)
    for note in document.notes:
        talk(f"note: {note}", settings)
    show(document, settings, init_text)
