"""``sipca serve``."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import opened, settings_of
from cli.output import talk
from cli.process import enable_garbage_collection

if TYPE_CHECKING:
    from ca.service.serve import Listening


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
) -> None:
    """OCSP by GET and POST, CRLs and CA certificates over HTTP; ends on SIGTERM or Ctrl-C.

    A page at / has the certificates, CRLs and fingerprints, and how to trust the root. It opens no
    CA key and asks for nothing: answers are signed by the OCSP signers alone.

    Example: sipca serve --bind 10.0.0.5
    """
    try:
        from ca.service.serve import Listening, serve
    except ImportError as error:
        raise typer.BadParameter(
            f"'serve' needs the extra sipca[serve] ({error.name} is missing): "
            "install it as '.[serve]' with pipx, uv tool or pip, from the folder of the sources"
        ) from None
    from cli.views.serve import listening_text

    settings = settings_of(ctx)
    try:
        address = str(ip_address(bind))
    except ValueError:
        raise typer.BadParameter(f"--bind: '{bind}' is no IP address") from None
    with opened(settings) as home:
        home.assert_sound()
        base_url, path, name = home.base_url, home.path, home.name
        fields = home.library.target(home.target).ocsp

    def ready(listening: Listening) -> None:
        talk(listening_text(listening, name, base_url, fields), settings)

    enable_garbage_collection()
    serve(path, Listening(address, ocsp_port, http_port, workers), ready)
