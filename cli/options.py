"""Options that every command takes, wherever they stand on the line, and what they set."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperOption

from ca import __version__


class Settings:
    """What the global options say; one for the whole call."""

    def __init__(self, *, json: bool = False, debug: bool = False) -> None:
        self.home: str | None = os.environ.get("SIPCA_HOME") or None
        self.passphrase_file: str | None = None
        self.no_input = os.environ.get("SIPCA_NO_INPUT", "") not in ("", "0")
        self.json = json
        self.debug = debug
        self.quiet = False
        self.stdin_taken_by: str | None = None
        self.around_prompt: Callable[[], AbstractContextManager[object]] = nullcontext
        """What makes room on the terminal while something is asked there."""

    @property
    def home_path(self) -> Path:
        """The folder of the CA home.

        Raises:
            typer.BadParameter: it begins with a user who is not there.
        """
        try:
            return Path(self.home or typer.get_app_dir("sipca", roaming=False)).expanduser()
        except RuntimeError:  # '~nobody/home'; or no HOME, and no such user in /etc/passwd
            raise typer.BadParameter(
                f"--home: no home directory is known for '{self.home or '~'}'; give a whole path"
            ) from None

    def take_stdin(self, what: str) -> None:
        """Reserve stdin for one thing of this call.

        Raises:
            typer.BadParameter: another thing comes from stdin already.
        """
        if self.stdin_taken_by not in (None, what):
            raise typer.BadParameter(
                f"{self.stdin_taken_by} and {what} cannot both come from stdin"
            )
        self.stdin_taken_by = what


_GLOBAL: tuple[tuple[str, str, str | None, str], ...] = (
    ("home", "--home", "DIR", "The CA home (else SIPCA_HOME, else the platform's data folder)."),
    ("passphrase_file", "--passphrase-file", "FILE", "File with the passphrase; - is stdin."),
    ("no_input", "--no-input", None, "Never ask anything."),
    ("json", "--json", None, "One JSON document on stdout."),
    ("quiet", "--quiet", None, "Errors only."),
    ("debug", "--debug", None, "Tracebacks."),
)


def global_options() -> list[Any]:
    """Fresh click options; each writes its value into the Settings that the context carries."""
    made = []
    for name, flag, metavar, text in _GLOBAL:
        made.append(
            TyperOption(
                param_decls=[f"global_{name}", flag],
                type=str if metavar else bool,
                is_flag=metavar is None,
                default=None if metavar else False,
                metavar=metavar,
                expose_value=False,
                callback=_setter(name),
                help=text,
            )
        )
    return made


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
    found = ctx.find_object(Settings)
    assert isinstance(found, Settings)
    return found


@contextmanager
def opened(settings: Settings) -> Iterator[Any]:
    """The CA home of this call, open."""
    from ca.authority.home import open_home
    from cli.passphrase import surroundings

    with open_home(settings.home_path, surroundings(settings)) as home:
        warn_of_synced_folder(settings)
        yield home


def warn_of_synced_folder(settings: Settings) -> None:
    """A home on a network drive or in a synced folder gets a warning."""
    from cli.folders import trouble

    found = trouble(settings.home_path)
    if found and not settings.quiet:
        print(f"warning: {found}", file=sys.stderr)
