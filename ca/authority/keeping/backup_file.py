"""Backup files: what they hold, reading them back, and holding the register in one against history.

A backup is a tar archive: ``manifest.json`` with the hash of each other member and the figures of
the register, ``manifest.sha256``, the register ``ca.db``, and the operator's own profiles and
targets. Its hashes find damage; that somebody replaced the whole file is found by an audit head
that was noted elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path

import msgspec

from ca.authority.home import DATABASE, Environment, actor
from ca.authority.register import index_of
from ca.encoding.json_text import read_json
from ca.errors import MalformedError, VerificationError
from ca.files import MAX_INPUT, make_folder, write_private_stream
from ca.files.archives import Entry, Packed, digest_of, unpack
from ca.store import audit, history_checks
from ca.store.connection import open_store
from ca.store.copies import Figures, figures
from ca.store.schema import upgrade

FORMAT = "sipca-backup"
VERSION = 1
MANIFEST, SUM = "manifest.json", "manifest.sha256"
FOLDERS = ("profiles", "targets")
OWN_FILE = re.compile(r"(profiles|targets)/[A-Za-z0-9][A-Za-z0-9._-]{0,79}\.toml", re.ASCII)
_MOST_OWN = 10_000
_MANIFEST_LIMIT = 4 << 20
_REGISTER_LIMIT = 1 << 44
_NAMED = 5


class Member(msgspec.Struct, frozen=True):
    """A file in a backup beside the manifest."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself."""

    format: str
    version: int
    made_at: datetime
    sipca: str
    ca: str
    figures: Figures
    members: list[Member]


def manifest_files(manifest: Manifest) -> list[Packed]:
    """The manifest and its hash, as the first members of an archive."""
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    return [Packed(MANIFEST, data), Packed(SUM, sha256(data).hexdigest().encode() + b"\n")]


def read_back(path: Path, folder: Path) -> tuple[Manifest, str]:
    """Unpack a backup into an empty folder; the manifest, and the SHA-256 of the whole file.

    Raises:
        MalformedError: the file is cut off, or no backup of sipca's.
        VerificationError: a member is not what the manifest says.
        StoreError: it was written by a newer sipca, or cannot be read.
    """
    entries = unpack(path, _limit)
    manifest = _manifest(path, entries)
    expected = {each.name: each for each in manifest.members}
    for entry in entries:
        member = expected.pop(entry.name, None)
        place = folder / entry.name
        if member is None:
            raise VerificationError(f"'{path}' holds '{entry.name}', which its manifest lacks")
        if place.parent != folder:
            make_folder(place.parent, mode=0o700)
        hashed = write_private_stream(place, entry.pieces)
        if (entry.size, hashed) != (member.size, member.sha256):
            raise _damaged(path, f"its '{entry.name}' is not what its manifest says")
    if expected or DATABASE not in {each.name for each in manifest.members}:
        raise _damaged(path, f"it lacks {', '.join(sorted(expected)) or DATABASE}")
    with path.open("rb") as file:
        whole = digest_of(iter(lambda: file.read(1 << 18), b""))
    return manifest, whole


def examine(folder: Path, manifest: Manifest, environment: Environment) -> None:
    """Hold the register that was unpacked against its history, and the manifest against it.

    A register of an older schema is upgraded first.

    Raises:
        VerificationError: history was altered, or the manifest tells of another register.
        StoreError: the register is damaged, or of a newer sipca.
    """
    with open_store(folder / DATABASE) as store:
        if store.needs_upgrade():
            upgrade(store, lambda old: audit.pin(store, old, at=environment.now(), actor=actor()))
        else:
            same = msgspec.structs.replace(figures(store), schema=manifest.figures.schema)
            if same != manifest.figures:
                raise VerificationError(
                    "the backup's manifest tells of another register than it has"
                )
        problems = list(islice(history_checks.problems(store, index_of), _NAMED))
        store.checkpoint()
    if problems:
        raise VerificationError(
            f"the register in the backup is not what its audit trail says: {'; '.join(problems)}",
            hint="use an older backup",
        )


def _manifest(path: Path, entries: Iterator[Entry]) -> Manifest:
    first, second = next(entries, None), None
    data = b"" if first is None or first.name != MANIFEST else b"".join(first.pieces)
    if data:
        second = next(entries, None)
    if second is None or second.name != SUM:
        raise MalformedError(
            f"'{path}' is not a backup of sipca's: it does not begin with a manifest"
        )
    if b"".join(second.pieces).strip() != sha256(data).hexdigest().encode():
        raise _damaged(path, "its manifest was altered")
    try:
        manifest: Manifest = read_json(data, Manifest)
    except MalformedError:
        raise MalformedError(
            f"'{path}' is a backup of another kind", hint="upgrade sipca"
        ) from None
    if (manifest.format, manifest.version) != (FORMAT, VERSION):
        raise MalformedError(
            f"'{path}' has the form {manifest.version}, and this sipca reads {VERSION}",
            hint="upgrade sipca",
        )
    if len(manifest.members) > _MOST_OWN + 1:
        raise MalformedError(f"'{path}' has more than {_MOST_OWN} members")
    return manifest


def _limit(name: str) -> int | None:
    """The most octets of a member; None for one that no backup holds."""
    if name in (MANIFEST, SUM):
        return _MANIFEST_LIMIT
    if name == DATABASE:
        return _REGISTER_LIMIT
    return MAX_INPUT if OWN_FILE.fullmatch(name) else None


def _damaged(path: Path, what: str) -> VerificationError:
    return VerificationError(f"'{path}' is damaged: {what}", hint="use another copy of it")
