"""A trust pack: a named list of roots by fingerprint, with its source and date."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from ca.errors import MalformedError

OURS = "ours"
"""The name that stands for this CA's own certificates instead of a list."""


class PackRoot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One root. ``checked`` says where its fingerprints are from.

    ``sha256`` is empty where no store at hand has the certificate: ``sha1`` then names it.
    """

    name: str
    sha1: str
    checked: str
    sha256: str = ""


class Pack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One list. ``date`` is that of the source."""

    schema: Literal[1]
    description: str
    date: str
    source: str
    root: tuple[PackRoot, ...]
    notes: tuple[str, ...] = ()
    name: str = ""


def check_pack(pack: Pack) -> None:
    """Check the fingerprints' form.

    Raises:
        MalformedError: one is not of lower-case hex digits of its length, or stands there twice.
    """
    seen: set[str] = set()
    for root in pack.root:
        if not re.fullmatch(r"[0-9a-f]{40}", root.sha1):
            raise MalformedError(f"root '{root.name}': sha1 has not 40 lower-case hex digits")
        if root.sha256 and not re.fullmatch(r"[0-9a-f]{64}", root.sha256):
            raise MalformedError(f"root '{root.name}': sha256 has not 64 lower-case hex digits")
        if root.sha1 in seen:
            raise MalformedError(f"root '{root.name}' stands there twice")
        seen.add(root.sha1)
