"""The files that a server wants, as data: names, modes, contents, and how it is told of them.

A ``[[file]]`` table of a target describes one file, ``[server]`` the configuration that names them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from ca.errors import MalformedError
from ca.profiles.patterns import check_template

CONTENTS = ("key", "certificate", "chain", "issuing", "root", "crls")
"""What a file may hold.

``chain`` is what a server sends after its certificate; ``issuing`` and ``root`` are the CAs that
peers' certificates lead to, several of them after a rotation; ``crls`` are all CRLs of the home.
"""
FORMATS = ("pem", "der", "p7b", "keystore", "truststore")
MODES = ("0600", "0640", "0644")
MAX_FILES = 20
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", re.ASCII)
_DEVICE_OF_WINDOWS = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)
_OWNER = re.compile(r"[a-z_][a-z0-9_-]{0,30}(?::[a-z_][a-z0-9_-]{0,30})?", re.ASCII)

_ALLOWED = {
    "pem": CONTENTS,
    "der": ("certificate", "issuing", "root"),
    "p7b": ("certificate", "chain", "issuing", "root"),
    "keystore": ("key", "certificate", "chain", "issuing", "root"),
    "truststore": ("issuing", "root"),
}


class TargetFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: its name in the folder of ``--out``, and what it holds in which order.

    ``mode`` is 0600 for a file with the key and 0644 for others where the target says nothing.
    """

    name: str
    contents: tuple[str, ...]
    mode: str = ""
    format: str = "pem"

    @property
    def has_key(self) -> bool:
        """Whether the private key is in this file."""
        return "key" in self.contents

    @property
    def permissions(self) -> int:
        """The mode as a number."""
        return int(self.mode or ("0600" if self.has_key else "0644"), 8)


class ServerFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a server is told of its files; ``snippet`` may contain {folder}.

    ``place`` is the configuration file, ``reload`` the command after each renewal, ``owner`` who
    has to be able to read the key. ``tried`` says what was tried with the real program.
    """

    snippet: str = ""
    place: str = ""
    reload: str = ""
    owner: str = ""
    notes: tuple[str, ...] = ()
    tried: str = ""
    basis: Literal["vendor", "inferred", "tried"] = "inferred"
    reload_basis: Literal["vendor", "inferred", "tried"] = "inferred"


def check_files(files: Sequence[TargetFile]) -> None:
    """Check the ``[[file]]`` tables of a target.

    Raises:
        MalformedError: one cannot be written, or would give the key away; the message names it.
    """
    if len(files) > MAX_FILES:
        raise MalformedError(f"file: {len(files)} files, but {MAX_FILES} is the maximum")
    seen: dict[str, int] = {}
    for number, file in enumerate(files):
        where = f"file[{number}]"
        _check_name(where, file.name)
        _check_choice(f"{where}.format", file.format, FORMATS)
        _check_contents(where, file)
        _check_mode(where, file)
        first = seen.setdefault(file.name.casefold(), number)
        if first != number:
            raise MalformedError(
                f"file[{first}] and {where} are both called '{file.name}'",
                hint="give each file its own name; case alone is no difference",
            )


def check_server(server: ServerFacts, files: Sequence[TargetFile]) -> None:
    """Check the ``[server]`` table of a target.

    Raises:
        MalformedError: a place-holder, an owner or the basis is not valid.
    """
    for key in ("snippet", "place", "reload"):
        check_template(f"server.{key}", getattr(server, key), ("folder",))
    for note in server.notes:
        check_template("server.notes", note, ("folder",))
    if server.owner and not _OWNER.fullmatch(server.owner):
        raise MalformedError(
            f"server.owner: '{server.owner[:100]}' is not a user, or user:group",
            hint="as kamailio or root:ssl-cert",
        )
    if "tried" in (server.basis, server.reload_basis) and not server.tried:
        raise MalformedError(
            "server.tried is empty, but a basis is 'tried'",
            hint="say there with which program and version it was tried",
        )
    if server != ServerFacts() and not files:
        raise MalformedError(
            "server: there is no [[file]] that it could speak of", hint="add [[file]] tables"
        )


def _check_name(where: str, name: str) -> None:
    if not _NAME.fullmatch(name) or ".." in name or _DEVICE_OF_WINDOWS.match(name):
        raise MalformedError(
            f"{where}.name: '{name[:100]}' is not a plain file name",
            hint="use letters, digits, '.', '-' and '_'; every file is in the folder of --out",
        )


def _check_choice(where: str, text: str, choices: Sequence[str]) -> None:
    if text not in choices:
        near = difflib.get_close_matches(text, choices, n=1)
        raise MalformedError(
            f"{where}: '{text[:100]}' is not one of {', '.join(choices)}",
            hint=f"did you mean '{near[0]}'?" if near else None,
        )


def _check_contents(where: str, file: TargetFile) -> None:
    key, contents = f"{where}.contents", file.contents
    if not contents:
        raise MalformedError(f"{key}: '{file.name}' would be empty", hint=_one_of(CONTENTS))
    for each in contents:
        _check_choice(key, each, CONTENTS)
    repeated = next((each for each in contents if contents.count(each) > 1), None)
    if repeated is not None:
        raise MalformedError(f"{key}: '{repeated}' is there twice")
    allowed = _ALLOWED[file.format]
    foreign = next((each for each in contents if each not in allowed), None)
    if foreign is not None:
        raise MalformedError(
            f"{key}: a file of format '{file.format}' cannot hold '{foreign}'",
            hint=_one_of(allowed),
        )
    if file.format == "der" and len(contents) > 1:
        raise MalformedError(f"{key}: a DER file holds one thing, not {len(contents)}")
    if file.format == "keystore" and not {"key", "certificate"} <= {*contents}:
        raise MalformedError(f"{key}: a keystore needs both 'key' and 'certificate'")
    _check_order(key, file)


def _check_order(key: str, file: TargetFile) -> None:
    """A server takes the first certificate of a file as its own."""
    certificates = [each for each in file.contents if each not in ("key", "crls")]
    if "certificate" in certificates and certificates[0] != "certificate":
        raise MalformedError(
            f"{key}: '{certificates[0]}' is before 'certificate'",
            hint="a server takes the first certificate as its own",
        )


def _check_mode(where: str, file: TargetFile) -> None:
    if file.mode:
        _check_choice(f"{where}.mode", file.mode, MODES)
    if file.has_key and file.permissions & 0o004:
        raise MalformedError(
            f"{where}.mode: '{file.name}' holds the key, and {file.mode} lets everybody read it",
            hint="0600, or 0640 where the server reads it by its group",
        )


def _one_of(choices: Sequence[str]) -> str:
    return f"one or more of {', '.join(choices)}"
