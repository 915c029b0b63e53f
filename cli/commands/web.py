"""``sipca web``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.options import opened, settings_of
from cli.output import talk
from cli.process import enable_garbage_collection


def web_command(
    ctx: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 is any that is free.")
    ] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the URL; open no browser.")
    ] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Look only: nothing is signed, revoked or kept.")
    ] = False,
) -> None:
    """Sign on a page: paste a CSR, see what would be issued, sign, take the files; ends on Ctrl-C.

    For this machine alone, on 127.0.0.1. The URL on stdout holds a token that opens the page once,
    within five minutes. The passphrase is typed on the page when it is needed.

    Example: sipca web
    """
    try:
        from ca.web.desk import Desk
        from ca.web.web import serve
    except ImportError as error:
        raise typer.BadParameter(
            f"'web' needs the extra sipca[web] ({error.name} is missing): "
            "install it as '.[web]' with pipx, uv tool or pip, from the folder of the sources"
        ) from None
    from cli.passphrase import Passphrase, environment_of

    settings = settings_of(ctx)
    with opened(settings) as home:
        home.assert_sound()
        path, is_locked = home.path, home.ca("issuing").key.encrypted
    outside = settings.passphrase_file or {"SIPCA_PASSPHRASE_FILE", "SIPCA_PASSPHRASE"} & {
        *os.environ
    }
    given = Passphrase(settings)("passphrase") if is_locked and outside else None
    desk = Desk(path, environment_of(settings), read_only=read_only, given=given)
    enable_garbage_collection()
    with tempfile.TemporaryDirectory(prefix="sipca-web-") as folder:

        def ready(url: str) -> None:
            print(url, flush=True)
            talk("the page is open to this machine alone; Ctrl-C ends it", settings)
            if not no_browser:
                _open_browser(url, Path(folder))

        serve(desk, port, ready)


def _open_browser(url: str, folder: Path) -> None:
    """Open the page by way of a file that only its owner can read: argv is read by everybody."""
    import webbrowser

    from ca.files import write_atomic

    start = folder / "start.html"
    refresh = f'<meta http-equiv="refresh" content="0;url={url}">'
    page = f'<!doctype html>{refresh}<a href="{url}">sipca</a>'
    write_atomic(start, page.encode(), mode=0o600)
    webbrowser.open(start.as_uri())
