"""``sipca doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ca.documents.exits import EXIT_CODES
from ca.errors import BugError, Kind
from cli.bugs import raise_for_bugs
from cli.commands.arguments import key_passphrase, one_of
from cli.options import opened, settings_of
from cli.output import show, talk

if TYPE_CHECKING:
    from ca.keys.client import ClientIdentity


def doctor_command(
    ctx: typer.Context,
    peer: Annotated[
        str | None,
        typer.Argument(metavar="HOST:PORT", help="Whom to look at; port 5061 if none is named."),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="D", help="Which device that is, if no address tells.")
    ] = None,
    context: Annotated[
        int | None, typer.Option(min=0, max=99, help="The TLS context that the port uses.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="N", help="The name that peers dial, and SNI.")
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(metavar="S", help="sip, https or tls; default by the port, else sip."),
    ] = None,
    client_cert: Annotated[
        Path | None, typer.Option(metavar="F", help="A certificate to present, with its chain.")
    ] = None,
    client_key: Annotated[
        Path | None, typer.Option(metavar="F", help="Its key: PEM, DER or PFX.")
    ] = None,
    key_passphrase_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key's own passphrase.")
    ] = None,
    offline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="No connection: read PEM certificates, the output of openssl s_client, or an "
            "export of tshark.",
        ),
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="Every address of every registered device.")
    ] = False,
    metrics: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --all: also write it for Prometheus."),
    ] = None,
) -> None:
    """Why does TLS not come up? Looks at a device, and says what the register makes of it.

    Exit 9 if something is wrong, 10 if nothing answers. Nothing is changed on the device.

    Example: sipca doctor sbc1.lab.example --client-cert test-fullchain.pem --client-key test.key
    """
    settings = settings_of(ctx)
    if everyone is (peer is not None):
        raise typer.BadParameter("give either a peer, HOST or HOST:PORT, or --all")
    if metrics is not None and not everyone:
        raise typer.BadParameter("--metrics goes with --all")
    if everyone and (device or name or offline or service or context is not None):
        raise typer.BadParameter("--all takes devices, names and contexts from the register")
    client = _client(client_cert, client_key, key_passphrase_file)
    if everyone:
        _all(ctx, client, metrics)
        return
    from ca.authority.devices.doctor import DoctorWishes, examine
    from ca.wire.requests import SERVICES
    from cli.views.doctor import doctor_text

    assert peer is not None
    bugs: list[BugError] = []
    wishes = DoctorWishes(
        peer=peer,
        device=device,
        context=context,
        name=name,
        service=None if service is None else one_of("--service", service, SERVICES),
        client=client,
        offline=offline,
        on_bug=bugs.append,
    )
    with opened(settings) as home:
        document = examine(home, wishes)
    show(document, settings, doctor_text)
    raise_for_bugs(bugs, settings)
    if document.verdict == "fail":
        raise typer.Exit(EXIT_CODES[Kind.INVALID])


def _all(ctx: typer.Context, client: ClientIdentity | None, metrics: Path | None) -> None:
    from ca.authority.devices.doctor_all import examine_all
    from cli.views.doctor import all_text, peer_line

    settings = settings_of(ctx)

    def tell(record: object) -> None:
        if not settings.json:
            talk(lambda: peer_line(record), settings)  # type: ignore[arg-type]

    with opened(settings) as home:
        document = examine_all(home, client, tell=tell, metrics=metrics)
    show(document, settings, all_text)
    if not all(each.reached for each in document.peers):
        raise typer.Exit(EXIT_CODES[Kind.UNREACHABLE])
    if document.verdict == "fail":
        raise typer.Exit(EXIT_CODES[Kind.INVALID])


def _client(
    certificate: Path | None, key: Path | None, passphrase_file: Path | None
) -> ClientIdentity | None:
    if (certificate is None) is not (key is None):
        raise typer.BadParameter("--client-cert and --client-key go together")
    if certificate is None or key is None:
        return None
    from ca.authority.devices.doctor import read_client

    return read_client(certificate, key, key_passphrase(passphrase_file))
