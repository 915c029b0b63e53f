"""What was written for a server, and how it is told of it: part of ``issue`` and ``export``."""

from __future__ import annotations

import msgspec


class ServerFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a target; ``state`` is "written", "unchanged" or "not-written"."""

    name: str
    path: str
    mode: str
    format: str
    contents: list[str]
    state: str


class ServerSetup(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a target, what goes into the server's configuration, and what is to be done.

    ``snippet`` belongs into ``place``; ``reload`` is the command after each renewal, ``owner``
    who has to be able to read the key. ``basis`` is "vendor", "inferred" or "tried", and
    ``tried`` says with which program. ``missing`` says what was not written, and why.
    """

    target: str
    folder: str
    files: list[ServerFile]
    place: str
    snippet: str
    reload: str
    owner: str
    basis: str
    reload_basis: str
    tried: str
    notes: list[str]
    missing: list[str] = []
