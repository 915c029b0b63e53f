"""What is left to do once certificates were renewed or have another key, beside the upload."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from ca.authority import server_files, upload_files
from ca.authority.home import Home
from ca.authority.refs import label
from ca.authority.upload_files import stem_of_row, with_context
from ca.documents.rekey import RekeyDocument
from ca.documents.sign import Signed, SigningDocument
from ca.model.status import due_at
from ca.store import certificates
from ca.store.enrolments import SOURCE


def remarks(home: Home, document: SigningDocument, folder: Path) -> list[str]:
    """A sentence for each thing left, with the command for it."""
    told = [*_keys_made_here(document, folder), *_older_sheets(home, document, folder)]
    return list(dict.fromkeys(told))


def next_due(home: Home, device: str | None, within: timedelta | None) -> str | None:
    """The certificate that is due next, and in how many days; without a device none of SCEP."""
    rows = certificates.certificates(home.store, device=device, in_use=True)
    due = [
        (due_at(row.validity, within), row)
        for row in rows
        if not row.is_relic and (device is not None or not row.source.startswith(SOURCE))
    ]
    if not due:
        return None
    moment, row = min(due, key=lambda each: each[0])
    return f"{label(row) or row.serial.hex()[:12]} in {(moment - home.now()).days} d"


def for_devices(document: SigningDocument) -> list[Signed]:
    """The new certificates that are uploaded: not those whose key was made for no device."""
    return [each for each in document.signed if each.device or not _is_issued(each)]


def _is_issued(entry: Signed) -> bool:
    return entry.source.startswith(_ISSUED)


_ISSUED = "issue "


def _keys_made_here(document: SigningDocument, folder: Path) -> Iterator[str]:
    """Those whose key ``issue`` made, where it is not in the folder: a server's files, mostly."""
    for entry in document.signed:
        name = entry.source.removeprefix(_ISSUED)
        if not _is_issued(entry) or entry.device or entry.server is not None:
            continue
        if os.path.lexists(folder / f"{name}.key"):
            continue
        ref = entry.serial[:12] if entry.serial else name
        export = f", or sipca export {ref} --target T --key ITS.key --out ITS FOLDER"
        yield (
            f"{name}: its key was made by sipca issue; a server's files: sipca issue {name} ... "
            f"--target T --out ITS FOLDER{export}"
        )


def kept_names(document: RekeyDocument) -> list[str]:
    """A sentence for a file that has the older certificate's name and not the request's."""
    return [
        f"{entry.files.device} keeps the name of the older certificate, which it replaces"
        for entry in document.signed
        if entry.files.device is not None
        and Path(entry.files.device).name != _name_of(Path(entry.source), entry.context)
    ]


def _name_of(csr: Path, context: int | None) -> str:
    return upload_files.device_name(upload_files.stem_of(csr.stem) or "", context)


def _older_sheets(home: Home, document: SigningDocument, folder: Path) -> Iterator[str]:
    """The kits in the folder whose sheet still tells of the older certificate."""
    for entry in document.signed:
        if document.dry_run or entry.serial is None or entry.server is not None:
            continue
        base = _base(home, entry.serial)
        for ending, what, option in _TELLING:
            if os.path.lexists(folder / f"{base}{ending}"):
                yield (
                    f"{folder} has the {what} of an older certificate: {_export(home, entry)} "
                    f"--out {shlex.quote(str(folder))}{option}"
                )
                break


_TELLING = (
    ("-upload-sheet.txt", "sheet", ""),
    ("-upload-sheet.html", "sheet", ""),
    ("-upload.zip", "zip", " --zip"),
)
"""The files of a kit that tell of one certificate, and the option that writes them again."""


def _base(home: Home, serial: str) -> str:
    (row, *_) = certificates.by_serial_prefix(home.store, serial)
    return with_context(upload_files.stem_of(stem_of_row(row)) or "", row.context)


def _export(home: Home, entry: Signed) -> str:
    target = server_files.target_for(home, None, entry.device).name
    return f"sipca export {(entry.serial or '')[:12]} --target {target}"
