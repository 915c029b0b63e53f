"""User and password of a device: from options, files, the environment or the terminal."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ca.errors import KeyUnavailableError
from cli.passphrase import Passphrase
from cli.prompts import has_terminal

if TYPE_CHECKING:
    from ca.authority.devices.session import Credentials
    from cli.settings import Settings

User = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The user (else SIPCA_DEVICE_USER, else Admin)."),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The password; - is stdin (else SIPCA_DEVICE_PASSWORD_FILE, "
        "SIPCA_DEVICE_PASSWORD, else asked).",
    ),
]


def credentials(settings: Settings, user: str | None, file: Path | None) -> Credentials:
    """The credentials of a device.

    Raises:
        KeyUnavailableError: there is no password.
        typer.BadParameter: the extra is not installed.
    """
    if find_spec("httpx") is None:
        raise typer.BadParameter(
            "push and pull need the extra sipca[device] (httpx is missing): "
            "install it as '.[device]' with pipx, uv tool or pip, from the folder of the sources"
        )
    from ca.authority.devices.session import Credentials

    name = user or os.environ.get("SIPCA_DEVICE_USER") or "Admin"
    secret = _Password(settings, None if file is None else str(file))
    return Credentials(name, secret(f"password of '{name}' on the device").decode())


class _Password(Passphrase):
    """Reads the password as a passphrase is read, from its own places."""

    def __init__(self, settings: Settings, file: str | None) -> None:
        super().__init__(settings)
        self._file = file

    def _from_outside(self) -> str | None:
        file = self._file or os.environ.get("SIPCA_DEVICE_PASSWORD_FILE")
        if file:
            return self._from_file(file, "the device's password")
        return os.environ.get("SIPCA_DEVICE_PASSWORD")

    def _ask(self, purpose: str, *, new: bool) -> str:
        if self.settings.no_input or not has_terminal():
            raise KeyUnavailableError(
                "the device's password is needed and none was given",
                hint="--password-file FILE, SIPCA_DEVICE_PASSWORD_FILE or SIPCA_DEVICE_PASSWORD",
            )
        return super()._ask(purpose, new=new)
