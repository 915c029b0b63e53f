"""``sipca web``."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ca.authority.home import Environment, open_home
from ca.errors import KeyUnavailableError
from cli.options import opened, settings_of
from cli.output import talk
from cli.passphrase import NOTHING_TYPED, OptionalPassphrase, environment_of, is_given
from cli.process import enable_garbage_collection
from cli.prompts import has_terminal
from cli.settings import Settings

if TYPE_CHECKING:
    from ca.web.desk import AtHome


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
    within five minutes. The passphrase is asked for here, or typed on the page when it is needed.

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

    settings = settings_of(ctx)
    with opened(settings) as home:
        home.assert_sound()
        path, is_locked = home.path, home.ca("issuing").key.encrypted
    given = _passphrase_at_start(settings) if is_locked and not read_only else None
    desk = Desk(
        path, environment_of(settings), read_only=read_only, given=given, at_home=_at_home(path)
    )
    enable_garbage_collection()
    with tempfile.TemporaryDirectory(prefix="sipca-web-") as folder:

        def ready(url: str) -> None:
            print(url, flush=True)
            talk("the page is open to this machine alone; Ctrl-C ends it", settings)
            if not no_browser:
                _open_browser(url, Path(folder))

        serve(desk, port, ready)


def _at_home(path: Path) -> AtHome:
    """How people are told of the home: below their own folder by "~"; none must name the usual."""
    from ca.web.desk import AtHome

    usual = path == Path(typer.get_app_dir("sipca", roaming=False))
    own = os.path.expanduser("~")  # noqa: PTH111 - Path.home() fails where there is none
    short = f"~/{path.relative_to(own)}" if path.is_relative_to(own) else str(path)
    return AtHome(short, "" if usual else f" --home {shlex.quote(str(path))}")


def _passphrase_at_start(settings: Settings) -> bytes | None:
    """The passphrase from outside or the terminal, if it opens the key; None leaves it to the page.

    Raises:
        KeyUnavailableError: it opens nothing.
    """
    if not is_given(settings) and (settings.no_input or not has_terminal()):
        return None
    if not is_given(settings):
        talk("Enter alone leaves the passphrase to the page", settings)
    source = OptionalPassphrase(settings)
    environment = Environment(passphrase=source, again=source.again)
    try:
        with open_home(settings.home_path, environment) as home:
            home.signer(home.ca("issuing"))
        return source("passphrase")
    except KeyUnavailableError as error:
        if error.message != NOTHING_TYPED:
            raise
        return None


def _open_browser(url: str, folder: Path) -> None:
    """Open the page by way of a file that only its owner can read: argv is read by everybody."""
    import webbrowser

    from ca.files import write_atomic

    start = folder / "start.html"
    refresh = f'<meta http-equiv="refresh" content="0;url={url}">'
    page = f'<!doctype html>{refresh}<a href="{url}">sipca</a>'
    write_atomic(start, page.encode(), mode=0o600)
    webbrowser.open(start.as_uri())
