"""``backup``: one file with everything that makes a home, and reading it back."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from ca import __version__
from ca.authority.home import DATABASE, Environment, Home
from ca.authority.keeping.backup_file import (
    FOLDERS,
    FORMAT,
    OWN_FILE,
    VERSION,
    Manifest,
    Member,
    examine,
    manifest_files,
    read_back,
)
from ca.documents.backup import BackupDocument, NewestCertificate
from ca.errors import ConflictError, StoreError
from ca.files import MAX_INPUT, make_folder, read_bounded, write_private_stream
from ca.files.archives import Packed, digest_of, pack
from ca.store.audit import Event
from ca.store.connection import open_store
from ca.store.copies import Figures, copy_register, figures

LEFTOVER_AFTER = timedelta(hours=1)
TEMPORARY = ".sipca-backup-"
"""How the private folder begins in which a copy lies while a backup is made or read."""
BACKED_UP = "backup"
"""The action of the event that tells of a backup."""


def backup(home: Home, path: Path) -> BackupDocument:
    """Copy a home in use into one new private file.

    The trail tells of it, so that it is known which backups hold which keys.

    Raises:
        ConflictError: something of this name is there.
        StoreError: it cannot be written.
    """
    if path.is_symlink() or path.exists():
        raise ConflictError(
            f"'{path}' exists, and a backup is never written over another file",
            hint="choose another name",
        )
    home.assert_sound()
    make_folder(path.parent)
    _remove_leftovers(path.parent, home.now())
    with _private_folder(path.parent) as folder:
        copy = folder / DATABASE
        copy_register(home.store, copy)
        home.step("backup-copied")
        with open_store(copy, read_only=True) as store:
            held = figures(store)
        own, notes = _own_files(home.path)
        files = [Packed(DATABASE, copy), *own]
        manifest = Manifest(
            format=FORMAT,
            version=VERSION,
            made_at=home.now(),
            sipca=__version__,
            ca=home.name,
            figures=held,
            members=[Member(each.name, each.size, digest_of(each.pieces())) for each in files],
        )
        whole = write_private_stream(path, pack([*manifest_files(manifest), *files]))
    home.step("backup-written")
    if home.store.mode == "rw":
        with home.store.write():
            detail = {"file": str(path.absolute()), "sha256": whole, "head": held.audit_head}
            home.record(Event(BACKED_UP, path.name, detail))
    return document(path, whole, manifest, notes=notes)


def verify_backup(path: Path, environment: Environment) -> BackupDocument:
    """Read a backup back: every hash, and the history of the register in it.

    Raises:
        NotFoundError: there is no such file.
        MalformedError: it is cut off, or no backup.
        VerificationError: it is damaged, or its history was altered.
        StoreError: the register in it cannot be read, or is of a newer sipca.
    """
    with _private_folder(None) as folder:
        manifest, whole = read_back(path, folder)
        examine(folder, manifest, environment)
    return document(path, whole, manifest, notes=[], verified=True)


def document(
    path: Path, whole: str, manifest: Manifest, *, notes: list[str], verified: bool = False
) -> BackupDocument:
    """What a backup holds."""
    held = manifest.figures
    return BackupDocument(
        file=str(path),
        sha256=whole,
        certificates=held.certificates,
        newest=newest_record(held),
        crl_number=held.crl_number,
        audit_head=held.audit_head,
        ca=manifest.ca,
        made_at=manifest.made_at,
        files=[each.name for each in manifest.members if each.name != DATABASE],
        verified=verified,
        notes=notes,
    )


def newest_record(held: Figures) -> NewestCertificate | None:
    """The record of the certificate that was signed last."""
    if held.newest is None:
        return None
    return NewestCertificate(serial=held.newest.serial, not_before=held.newest.not_before)


@contextlib.contextmanager
def _private_folder(parent: Path | None) -> Iterator[Path]:
    """A private folder that goes at the end."""
    try:
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=parent) as name:
            yield Path(name)
    except OSError as error:
        where = parent or tempfile.gettempdir()
        raise StoreError(f"'{where}' cannot be written: {error.strerror or error}") from None


def _remove_leftovers(parent: Path, now: datetime) -> None:
    """Remove the copies that killed calls left beside their backups."""
    for leftover in parent.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(FileNotFoundError):
            if now.timestamp() - leftover.stat().st_mtime > LEFTOVER_AFTER.total_seconds():
                shutil.rmtree(leftover, ignore_errors=True)


def _own_files(home: Path) -> tuple[list[Packed], list[str]]:
    """The operator's profiles and targets, and a note for each file that is left out."""
    files: list[Packed] = []
    notes: list[str] = []
    for folder in FOLDERS:
        for path in sorted((home / folder).glob("*")):
            name = f"{folder}/{path.name}"
            if not OWN_FILE.fullmatch(name) or not path.is_file():
                notes.append(f"'{name}' is left out: it is not a .toml file of a plain name")
                continue
            files.append(Packed(name, read_bounded(path, limit=MAX_INPUT)))
    return files, notes
