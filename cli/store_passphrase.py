"""The passphrase of a server's PKCS#12 stores, asked for on the terminal if no file has it."""

from __future__ import annotations

from pathlib import Path

from ca.authority.home import Home
from ca.errors import KeyUnavailableError, attempt
from cli.passphrase import Passphrase
from cli.prompts import has_terminal
from cli.settings import Settings


class StorePassphrase(Passphrase):
    """Reads a store's passphrase from the terminal alone: the home's is another secret."""

    empty_hint = "--key-passphrase-file FILE"

    def _from_outside(self) -> str | None:
        return None


def store_passphrase(
    home: Home, settings: Settings, given: bytes | None, *, target: str | None, out: Path
) -> bytes | None:
    """The passphrase that was given, or what the terminal says if the target has stores.

    Asked twice if there is none of them yet. Without a terminal None, and the call is refused.

    Raises:
        NotFoundError: there is no such target.
        KeyUnavailableError: two entries differ, or it is empty.
    """
    if given is not None or target is None:
        return given
    from ca.authority.server_files import stores
    from ca.authority.server_places import held_key

    wanted = home.library.target(target)
    names = stores(wanted)
    if not names or settings.no_input or not has_terminal():
        return None
    new = not any((out / name).exists() for name in names)
    source, purpose = StorePassphrase(settings), f"passphrase of {', '.join(names)}"
    while True:
        passphrase = source(purpose, new=new)
        held = attempt(held_key, out, wanted, passphrase)
        if not isinstance(held, KeyUnavailableError) or not source.again(held):
            return passphrase  # a wrong one is refused by what it was asked for
