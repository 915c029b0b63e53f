"""``sipca serve``."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from ca.errors import CAError, attempt
from cli.options import opened, settings_of
from cli.output import talk
from cli.process import enable_garbage_collection

if TYPE_CHECKING:
    from ca.authority.home import Home
    from ca.service.placement import Placement
    from ca.service.serve import Listening


SCEP_LEGACY = "scep-legacy"


def serve_command(
    ctx: typer.Context,
    bind: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    ocsp_port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port for OCSP that devices expect.")
    ] = 2560,
    http_port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="The port that the base URL names: OCSP, CRLs, CA certificates."
        ),
    ] = 8080,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Worker processes, at most one for each core.")
    ] = 1,
    scep: Annotated[
        bool,
        typer.Option(
            "--scep", help="Answer SCEP at /scep too, where phones ask for certificates themselves."
        ),
    ] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD",
            help="scep-legacy: take messages by 3DES, DES, SHA-1 and MD5, which old devices send.",
        ),
    ] = None,
    print_unit: Annotated[
        bool,
        typer.Option(
            "--print-unit",
            help="Print systemd units with these options, and timers for CRLs and OCSP signers.",
        ),
    ] = False,
    print_compose: Annotated[
        bool, typer.Option("--print-compose", help="Print a compose file with these options.")
    ] = False,
) -> None:
    """OCSP by GET and POST, CRLs and CA certificates over HTTP; ends on SIGTERM or Ctrl-C.

    A page at / has the certificates, CRLs and fingerprints, and how to trust the root. It opens no
    CA key and asks for nothing: answers are signed by the OCSP signers alone. With --scep phones
    ask for certificates, which wait for sipca scep approve; for a valid challenge or a renewal it
    opens the issuing key, if that has no passphrase.

    Example: sipca serve --bind 10.0.0.5
    """
    if print_unit or print_compose:
        if print_unit and print_compose:
            raise typer.BadParameter("give one of --print-unit and --print-compose")
        placement = msgspec.structs.replace(
            _placement(ctx, bind, (ocsp_port, http_port), workers), scep=_scep_options(scep, allow)
        )
        print(_for_boot(placement, as_units=print_unit), end="")
        return
    try:
        from ca.service.serve import Listening, serve
    except ImportError as error:
        raise typer.BadParameter(
            f"'serve' needs the extra sipca[serve] ({error.name} is missing): "
            "install it as '.[serve]' with pipx, uv tool or pip, from the folder of the sources"
        ) from None
    from cli.views.serve import listening_text

    wished = _scep_options(scep, allow)
    settings = settings_of(ctx)
    address = _address(bind)
    with opened(settings) as home:
        home.assert_sound()
        base_url, path, name = home.base_url, home.path, home.name
        fields = home.library.target(home.target).ocsp
        enrols = bool(wished) and _has_ra(home)

    def ready(listening: Listening) -> None:
        talk(listening_text(listening, name, base_url, fields, enrols=enrols), settings)

    enable_garbage_collection()
    serve(path, Listening(address, ocsp_port, http_port, workers, wished), ready)


def _scep_options(wished: bool, allow: list[str] | None) -> tuple[str, ...]:
    """The options of SCEP once more, as the server's processes and a unit are told them."""
    for word in allow or ():
        if word != SCEP_LEGACY:
            raise typer.BadParameter(f"--allow: '{word}' is not {SCEP_LEGACY}, the one word here")
        if not wished:
            raise typer.BadParameter(f"--allow {SCEP_LEGACY} says how --scep answers: give both")
    return ("--scep", *(("--allow", SCEP_LEGACY) if allow else ())) if wished else ()


def _has_ra(home: Home) -> bool:
    from ca.authority.enrolment.handouts import ra_credentials

    return not isinstance(attempt(ra_credentials, home), CAError)


def _address(bind: str) -> str:
    try:
        return str(ip_address(bind))
    except ValueError:
        raise typer.BadParameter(f"--bind: '{bind}' is no IP address") from None


def _placement(ctx: typer.Context, bind: str, ports: tuple[int, int], workers: int) -> Placement:
    from ca.service.placement import Placement, owner_of, program, upkeep_of

    address = _address(bind)
    for flag, port in zip(("--ocsp-port", "--http-port"), ports, strict=True):
        if port == 0:
            raise typer.BadParameter(f"{flag}: 0 is another port at each start; name one")
    with opened(settings_of(ctx)) as home:
        path = home.path.resolve()
        owner, uid, gid = owner_of(path)
        return Placement(
            name=home.name,
            home=path,
            address=address,
            ocsp_port=ports[0],
            http_port=ports[1],
            workers=workers,
            program=program(),
            owner=owner,
            uid=uid,
            gid=gid,
            upkeep=upkeep_of(home),
        )


def _for_boot(placement: Placement, *, as_units: bool) -> str:
    if as_units:
        from ca.service.units import units

        return units(placement)
    from ca.service.compose import compose

    return compose(placement)
