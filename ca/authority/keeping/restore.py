"""``restore``: a home from a backup, and what is told of the time after it."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import msgspec

from ca.authority.home import DATABASE, RESTORING, Environment, Home, open_home
from ca.authority.keeping.backup import newest_record
from ca.authority.keeping.backup_file import FOLDERS, Manifest, examine, read_back
from ca.authority.keeping.evidence import (
    enter_certificate,
    enter_crl,
    read_certificates,
    read_crls,
)
from ca.authority.status.restored import GAP, RESTORED
from ca.documents.restore import RestoreDocument
from ca.errors import ConflictError, StoreError
from ca.files import link_into_place, lock_folder, make_folder, sync_folder, write_atomic
from ca.files.reading import read_bounded
from ca.lint.restored import Gap
from ca.store import settings
from ca.store.audit import Event
from ca.store.copies import figures


class RestoreWishes(msgspec.Struct, frozen=True):
    """The backup, and what is known of the time after it."""

    file: Path
    crls: tuple[Path, ...] = ()
    certificates: tuple[Path, ...] = ()


def restore(path: Path, wishes: RestoreWishes, environment: Environment) -> RestoreDocument:
    """Make a home from a backup; without an error it is there as a whole.

    The register is linked into place last, so that a call that was cut off leaves no CA; the next
    ``restore`` removes what it left.

    Raises:
        ConflictError: the home holds something.
        MalformedError: the file is cut off or no backup, or a CRL or certificate is none.
        VerificationError: the file is damaged, its history was altered, or no CA in it signed a
            CRL or certificate.
        StoreError: the home cannot be written, or a newer sipca made the backup.
    """
    _refuse_occupied(path)
    is_new = make_folder(path, mode=0o700)
    try:
        with lock_folder(path):
            _refuse_occupied(path)
            for leftover in path.glob(f"{RESTORING}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            folder = path / f"{RESTORING}{environment.random_bits(64):016x}"
            make_folder(folder, mode=0o700)
            try:
                return _restore(path, folder, wishes, environment)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        if is_new:
            with contextlib.suppress(OSError):  # unless the restore succeeded, it is empty
                path.rmdir()


def _restore(
    path: Path, folder: Path, wishes: RestoreWishes, environment: Environment
) -> RestoreDocument:
    manifest, whole = read_back(wishes.file, folder)
    _refuse_other_files(path, folder)
    environment.step("restore-unpacked")
    examine(folder, manifest, environment)
    environment.step("restore-examined")
    with open_home(folder, environment) as home:
        document = _enter(home, wishes, manifest, whole)
        home.store.checkpoint()
    environment.step("restore-entered")
    if os.name == "posix":
        path.chmod(0o700)
    for name in document.files:
        make_folder((path / name).parent, mode=0o700)
        write_atomic(path / name, read_bounded(folder / name))
    environment.step("restore-files")
    if not link_into_place(folder / DATABASE, path / DATABASE):
        raise _occupied(path, DATABASE)
    sync_folder(path)
    environment.step("restore-linked")
    return msgspec.structs.replace(document, home=str(path))


def _enter(home: Home, wishes: RestoreWishes, manifest: Manifest, whole: str) -> RestoreDocument:
    later_crls = read_crls(home, wishes.crls)
    later_certificates = read_certificates(home, wishes.certificates)
    held = manifest.figures
    gap = Gap(
        backup=wishes.file.name,
        known_until=held.last_event or manifest.made_at,
        newest=held.newest.serial if held.newest else None,
    )
    with home.store.write():
        text = msgspec.json.encode(gap).decode()
        settings.write(home.store, RESTORED, text)
        settings.write(home.store, GAP, text)
        detail = {"sha256": whole, "head": held.audit_head, "made_at": f"{manifest.made_at}"}
        home.record(Event("restored", wishes.file.name, detail))
        entered = [enter_certificate(home, each) for each in later_certificates]
        entered_crls = [enter_crl(home, each) for each in later_crls]
    now = figures(home.store)
    notes = [
        f"'{each.source}' is not later than the backup: number {each.number}"
        for each in entered_crls
        if not each.later
    ]
    return RestoreDocument(
        file=str(wishes.file),
        sha256=whole,
        certificates=now.certificates,
        newest=newest_record(now),
        crl_number=now.crl_number,
        audit_head=held.audit_head,
        ca=manifest.ca,
        home=str(home.path),
        made_at=manifest.made_at,
        known_until=held.last_event,
        crls=entered_crls,
        entered=entered,
        files=[each.name for each in manifest.members if each.name != DATABASE],
        notes=notes,
    )


def _refuse_occupied(path: Path) -> None:
    """Check that a home holds nothing but what a restore that was cut off left.

    Raises:
        ConflictError: it holds something else.
    """
    if path.is_symlink() and not path.exists():
        raise ConflictError(f"'{path}' is a dangling symbolic link", hint="choose another --home")
    if not path.exists():
        return
    if not path.is_dir():
        raise ConflictError(f"'{path}' is not a folder", hint="choose another --home")
    try:
        names = sorted(each.name for each in path.iterdir())
    except OSError as error:
        raise StoreError(f"'{path}' cannot be read: {error.strerror}") from None
    for name in names:
        if not name.startswith(RESTORING) and name not in FOLDERS:
            raise _occupied(path, name)


def _refuse_other_files(path: Path, folder: Path) -> None:
    """Check that own profiles and targets in the home are those of the backup, octet for octet.

    Raises:
        ConflictError: they are not.
    """
    for name in FOLDERS:
        for own in sorted((path / name).glob("*")):
            twin = folder / name / own.name
            same = own.is_file() and twin.is_file() and own.read_bytes() == twin.read_bytes()
            if not same:
                raise _occupied(path, f"{name}/{own.name}")


def _occupied(path: Path, name: str) -> ConflictError:
    return ConflictError(
        f"'{path}' holds '{name}', and a backup is restored only into an empty home",
        hint="choose another --home, or move what is there away",
    )
