"""The options that every command takes, anywhere on the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperOption

from ca import __version__
from cli.settings import Settings

if TYPE_CHECKING:
    from ca.authority.home import Home


_GLOBAL: tuple[tuple[str, str, str | None, str], ...] = (
    ("home", "--home", "DIR", "The CA home (else SIPCA_HOME, else ~/.config/sipca on Linux)."),
    ("passphrase_file", "--passphrase-file", "FILE", "File with the passphrase; - is stdin."),
    ("no_input", "--no-input", None, "Never ask anything."),
    ("json", "--json", None, "One JSON document on stdout."),
    ("quiet", "--quiet", None, "Errors only."),
    ("debug", "--debug", None, "Tracebacks."),
)


def global_options() -> list[Any]:
    """New click options; each stores its value in the context's Settings."""
    options = []
    for name, flag, metavar, text in _GLOBAL:
        options.append(
            TyperOption(
                param_decls=[f"global_{name}", flag],
                type=str if metavar else bool,
                is_flag=metavar is None,
                default=None if metavar else False,
                metavar=metavar,
                expose_value=False,
                callback=_setter(name),
                help=text,
                is_eager=name == "home",  # so that help knows the profiles of the home
            )
        )
    return options


def _setter(name: str) -> Any:
    def set_value(ctx: Any, _param: Any, value: Any) -> Any:
        if value == "":  # as in --home "$UNSET": never the usual home instead
            raise typer.BadParameter(f"--{name.replace('_', '-')} is empty")
        if value:
            setattr(ctx.find_object(Settings), name, value)
        return value

    return set_value


def version_option() -> Any:
    """``--version``."""

    def show(_ctx: Any, _param: Any, value: bool) -> None:
        if value:
            print(f"sipca {__version__}")
            raise typer.Exit

    return TyperOption(
        param_decls=["version", "--version"],
        is_flag=True,
        type=bool,
        default=False,
        expose_value=False,
        is_eager=True,
        callback=show,
        help="Show the version.",
    )


def settings_of(ctx: Any) -> Settings:
    """The Settings of this call."""
    settings = ctx.find_object(Settings)
    assert isinstance(settings, Settings)
    return settings


@contextmanager
def opened(settings: Settings) -> Iterator[Home]:
    """The CA home of this call, open."""
    from ca.authority.home import open_home
    from cli.passphrase import environment_of

    with open_home(settings.home_path, environment_of(settings)) as home:
        warn_of_synced_folder(settings)
        yield home


def warn_of_synced_folder(settings: Settings) -> None:
    """Warn if the home is on a network drive or in a synced folder."""
    from cli.folder_risks import trouble

    problem = trouble(settings.home_path)
    if problem and not settings.quiet:
        print(f"warning: {problem}", file=sys.stderr)
