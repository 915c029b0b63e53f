"""Where and how a server is started at boot: what its unit and its container are made from."""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address
from pathlib import Path

import msgspec

from ca.authority.home import CA, Home
from ca.authority.records import key_protection
from ca.authority.status.crl import all_needed
from ca.errors import MalformedError
from ca.model.escaping import escape_hidden

OCSP_PORT, HTTP_PORT = 2560, 8080
LOWEST_FREE_PORT = 1024


class Placement(msgspec.Struct, frozen=True):
    """The server's options, its program and the owner of its home.

    ``owner`` is a user's name, ``uid`` and ``gid`` their numbers; ``program`` begins with a path;
    ``scep`` are the options by which it answers SCEP, for which it has to write into the home.
    """

    name: str
    home: Path
    address: str
    ocsp_port: int
    http_port: int
    workers: int
    program: tuple[str, ...]
    owner: str
    uid: int
    gid: int
    upkeep: Upkeep
    scep: tuple[str, ...] = ()

    @property
    def is_loopback(self) -> bool:
        """Whether it listens for this machine alone."""
        return ip_address(self.address).is_loopback

    @property
    def is_privileged(self) -> bool:
        """Whether one of its ports is for root, or for who has the capability."""
        return min(self.ocsp_port, self.http_port) < LOWEST_FREE_PORT


class Upkeep(msgspec.Struct, frozen=True):
    """What CRLs and OCSP signers are made without anybody there.

    ``cas`` are the words for ``--ca``, ("all",) for every CA; ``left`` the names of the CAs whose
    keys are not at hand for it, with the word and why. ``needs_passphrase``: a key of ``cas`` has
    one, or is on a token, which ``has_token`` says.
    """

    cas: tuple[str, ...]
    left: tuple[tuple[str, str, str], ...]
    needs_passphrase: bool
    has_token: bool


def upkeep_of(home: Home) -> Upkeep:
    """Which CAs sign unattended: those without passphrase, if the issuing CA has none.

    If it has one, the unit is given it, and every key here can be opened.
    """
    needs = key_protection(home.ca("issuing")) in ("passphrase", "token")
    opened = ("none", "passphrase", "token") if needs else ("none",)
    able: list[CA] = []
    left = []
    for ca in all_needed(home):
        protection = key_protection(ca)
        if protection in opened:
            able.append(ca)
        else:
            why = "its key is away" if protection == "away" else "its key has a passphrase"
            left.append((ca.issuer.name, ca.word, why))
    words = tuple(ca.word for ca in able) if left else ("all",)
    has_token = any(key_protection(ca) == "token" for ca in able)
    return Upkeep(words, tuple(left), needs, has_token)


def program() -> tuple[str, ...]:
    """The words that start this sipca again: its script, or this Python with the module."""
    script = Path(sys.argv[0]).resolve()  # pipx and uv link to it from a folder of the user's
    if script.name == "sipca" and os.access(script, os.X_OK) and script.is_file():
        return (str(script),)
    return (sys.executable, "-m", "sipca")


def program_folders(program: tuple[str, ...]) -> tuple[Path, ...]:
    """The folders that a program is read from: environment, Python, sources, its own."""
    sources = Path(__file__).resolve().parents[2]
    folders = [Path(sys.prefix), Path(sys.base_prefix), sources, Path(program[0]).parent]
    kept: list[Path] = []
    for each in folders:
        if not any(each.is_relative_to(other) for other in kept):
            kept.append(each)
    return tuple(kept)


def owner_of(home: Path) -> tuple[str, int, int]:
    """The name, user and group number of whoever owns a home."""
    status = home.stat()
    try:
        import pwd

        return pwd.getpwuid(status.st_uid).pw_name, status.st_uid, status.st_gid
    except (ImportError, KeyError):
        return str(status.st_uid), status.st_uid, status.st_gid


def check_path(path: str) -> None:
    """Check that a path can stand in a unit or a compose file.

    Raises:
        MalformedError: it holds control characters or octets that are not UTF-8.
    """
    if escape_hidden(path) != path:
        raise MalformedError(
            f"the path '{escape_hidden(path)}' cannot stand in a file for the start at boot",
            hint="give the folder a name without control characters: move it, or link to it",
        )
