"""``export``: a certificate's upload files, or a whole upload kit, written again."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ca.authority import upload_files
from ca.authority.devices.kit import kit_of, may_be_overwritten
from ca.authority.home import Home
from ca.authority.own_files import is_kit_file, refuse_foreign
from ca.authority.records import certificate_record
from ca.authority.refs import find
from ca.authority.reports.show import others
from ca.authority.upload_files import stem_of_row
from ca.device.request_rules import next_steps
from ca.documents.export import ExportDocument
from ca.encoding import pem
from ca.encoding.pkcs7 import certs_only
from ca.errors import CAError, ConflictError, attempt
from ca.files import conflicts, lock_folder, make_folder, make_zip, write_atomic
from ca.model.findings import Finding
from ca.store import devices
from ca.store.devices import DeviceRow

Format = Literal["pem", "der", "p7b"]
FORMATS = get_args(Format)


class ExportWishes(msgspec.Struct, frozen=True):
    """How an export is written."""

    folder: Path
    format: Format = "pem"
    crlf: bool = False
    overwrite: bool = False
    target: str | None = None
    zip: bool = False


def export(home: Home, ref: str, wishes: ExportWishes) -> ExportDocument:
    """Write a certificate's upload files again, or with a target the whole upload kit.

    Raises:
        NotFoundError: there is no such certificate.
        ConflictError: a file has other content.
    """
    match = find(home, ref)
    row = match.row
    stem = stem_of_row(row)
    known = (devices.device(home.store, row.device) if row.device else None) or DeviceRow(
        row.device or ""
    )
    target = home.library.target(wishes.target or known.target or home.target)
    findings: list[Finding] = []
    if wishes.target is not None and wishes.format == "pem":
        kit = kit_of(home, row, stem, known, target, "\r\n" if wishes.crlf else "\n")
        files, findings = kit.files, kit.findings
    else:
        files = _export_files(home, stem, row.context, row.der, wishes)
    inside = list(files)
    if wishes.zip:
        files = {f"{upload_files.with_context(stem, row.context)}-upload.zip": make_zip(files)}
    make_folder(wishes.folder)
    with lock_folder(wishes.folder):
        foreign = [name for name, data in files.items() if _is_in_the_way(wishes, name, data)]
        if foreign:
            raise ConflictError(
                f"'{wishes.folder}' holds another {', '.join(foreign)}",
                hint="--overwrite replaces files, or choose another --out",
            )
        for name, data in files.items():
            write_atomic(wishes.folder / name, data, overwrite=True)
    written = [str(wishes.folder / name) for name in files]
    return ExportDocument(
        certificate=certificate_record(row, home.now()),
        files=written,
        others=others(match),
        steps=next_steps(
            target,
            device=inside[0] if wishes.zip else written[0],
            trusted_root=inside[1] if wishes.zip else written[1],
            context=row.context,
        ),
        target=target.name,
        findings=findings,
    )


def _is_in_the_way(wishes: ExportWishes, name: str, data: bytes) -> bool:
    """Whether a file's place has something that it may not replace."""
    path = wishes.folder / name
    if wishes.overwrite or not os.path.lexists(path):
        return path.is_dir()
    if path.is_file() and not conflicts(path, data):
        return False
    ours = attempt(refuse_foreign, path, partial(is_kit_file, name))
    return not may_be_overwritten(name) or isinstance(ours, CAError)


def _export_files(
    home: Home, stem: str, context: int | None, der: bytes, wishes: ExportWishes
) -> dict[str, bytes]:
    issuing, root = home.chain()
    base = upload_files.device_name(stem, context).removesuffix(".pem")
    if wishes.format == "der":
        return {
            f"{base}.cer": der,
            "trusted-1-root.cer": root,
            "trusted-2-issuing.cer": issuing,
        }
    if wishes.format == "p7b":
        return {f"{base}.p7b": certs_only([der]), "trusted-root.p7b": certs_only([issuing, root])}
    newline = "\r\n" if wishes.crlf else "\n"
    chain = upload_files.chain_of(home, newline)
    texts = {f"{base}.pem": pem.encode(der, newline=newline), **upload_files.trust_files(chain)}
    return {name: text.encode("ascii") for name, text in texts.items()}
