"""The settings of one call: global options, or the environment variables in their place."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import typer


class Settings:
    """The values of the global options of one call."""

    def __init__(self, *, json: bool = False, debug: bool = False) -> None:
        self.home: str | None = os.environ.get("SIPCA_HOME") or None
        self.passphrase_file: str | None = None
        self.no_input = os.environ.get("SIPCA_NO_INPUT", "") not in ("", "0")
        self.json = json
        self.debug = debug
        self.quiet = False
        self.root_key_file: Path | None = None
        self.stdin_taken_by: str | None = None
        self.around_prompt: Callable[[], AbstractContextManager[object]] = nullcontext
        """Hides the progress bar while the terminal prompts."""

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
        """Claim stdin; only one input of a call can come from it.

        Raises:
            typer.BadParameter: another thing comes from stdin already.
        """
        if self.stdin_taken_by not in (None, what):
            raise typer.BadParameter(
                f"{self.stdin_taken_by} and {what} cannot both come from stdin"
            )
        self.stdin_taken_by = what
