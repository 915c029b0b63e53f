"""``export``: a certificate's upload files, or a whole upload kit, written again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ca.authority import upload_files
from ca.authority.devices.kit import kit_of
from ca.authority.devices.plan import record_export
from ca.authority.home import Home
from ca.authority.lineage import trusted
from ca.authority.records import certificate_record
from ca.authority.refs import Match, find
from ca.authority.reports.earlier_files import EarlierFiles
from ca.authority.reports.export_server import ServerWishes, export_for_server
from ca.authority.reports.show import others
from ca.authority.upload_files import Chain, stem_of_row
from ca.device.request_rules import next_steps
from ca.documents.export import ExportDocument
from ca.encoding import pem
from ca.encoding.pkcs7 import certs_only
from ca.errors import CAError, ConflictError, PolicyError, attempt
from ca.files import (
    conflicts,
    holds,
    lock_folder,
    make_folder,
    make_zip,
    read_bounded,
    write_atomic,
)
from ca.keys.files import KeyFileFormat
from ca.model.findings import Finding
from ca.profiles.target import Target
from ca.store import devices
from ca.store.certificates import CertificateRow
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
    key: Path | None = None
    key_form: KeyFileFormat = KeyFileFormat()


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
    if wishes.target is not None and target.server_files:
        return _for_server(home, match, target, wishes)
    if wishes.key is not None:
        raise PolicyError(
            f"--key is for files that hold the private key, and target '{target.name}' names none",
            hint="sipca target list shows the servers; a device keeps its own key",
            rule="target-files",
        )
    findings: list[Finding] = []
    if wishes.target is not None and wishes.format == "pem":
        kit = kit_of(home, row, stem, known, target, "\r\n" if wishes.crlf else "\n")
        files, findings = kit.files, kit.findings
    else:
        files = _export_files(home, stem, row, wishes)
    inside = list(files)
    if wishes.zip:
        files = {f"{upload_files.with_context(stem, row.context)}-upload.zip": make_zip(files)}
    make_folder(wishes.folder)
    with lock_folder(wishes.folder):
        chain = upload_files.chain_of(home)
        earlier = EarlierFiles(home, row, wishes.folder, chain)
        foreign = [
            name
            for name, data in files.items()
            if _is_in_the_way(wishes, name, data, chain) and not earlier.has(name)
        ]
        if foreign:
            raise ConflictError(
                f"'{wishes.folder}' holds another {', '.join(foreign)}",
                hint="--overwrite replaces files, or choose another --out",
            )
        unchanged = [n for n, data in files.items() if holds(wishes.folder / n, [data])]
        upload_files.remove_stale_trust_files(wishes.folder, chain)
        for name, data in files.items():
            if name not in unchanged:
                write_atomic(wishes.folder / name, data, overwrite=True)
    record_export(home, row)
    written = [str(wishes.folder / name) for name in files]
    told = inside if wishes.zip else written
    singles = [each for each in told if Path(each).name in upload_files.single_files(home)]
    return ExportDocument(
        certificate=certificate_record(row, home.now()),
        files=written,
        others=others(match),
        steps=next_steps(
            target,
            device=told[0],
            trusted_root=told[1],
            singles=singles,
            context=row.context,
        ),
        target=target.name,
        findings=findings,
        unchanged=[str(wishes.folder / name) for name in unchanged],
    )


def _for_server(home: Home, match: Match, target: Target, wishes: ExportWishes) -> ExportDocument:
    """The files that a server's target names."""
    if wishes.zip or wishes.crlf or wishes.format != "pem":
        raise PolicyError(
            f"target '{target.name}' says itself which files it wants and in which format",
            hint="leave out --format, --crlf and --zip",
            rule="target-files",
        )
    server = export_for_server(
        home,
        match.row,
        ServerWishes(wishes.folder, target, wishes.key, wishes.key_form, wishes.overwrite),
    )
    record_export(home, match.row)
    return ExportDocument(
        certificate=certificate_record(match.row, home.now()),
        files=[each.path for each in server.files if each.state != "not-written"],
        others=others(match),
        steps=[],
        target=target.name,
        server=server,
    )


def _is_in_the_way(wishes: ExportWishes, name: str, data: bytes, chain: Chain) -> bool:
    """Whether a file's place has something that it may not replace."""
    path = wishes.folder / name
    if wishes.overwrite or not os.path.lexists(path):
        return path.is_dir()
    if path.is_file() and not conflicts(path, data):
        return False
    if name in chain.trust and not path.is_symlink():
        present = attempt(read_bounded, path)
        return isinstance(present, CAError) or not chain.is_ours(present)
    return True


def _export_files(
    home: Home, stem: str, row: CertificateRow, wishes: ExportWishes
) -> dict[str, bytes]:
    base = upload_files.device_name(stem, row.context).removesuffix(".pem")
    cas = trusted(home)
    if wishes.format == "der":
        singles = upload_files.trust_names(cas).items()
        return {f"{base}.cer": row.der, **{f"{name}.cer": ca.facts.der for name, ca in singles}}
    if wishes.format == "p7b":
        bundle = certs_only([ca.facts.der for ca in cas])
        return {f"{base}.p7b": certs_only([row.der]), "trusted-root.p7b": bundle}
    newline = "\r\n" if wishes.crlf else "\n"
    chain = upload_files.chain_of(home, newline, issuer_id=row.issuer_id)
    texts = {f"{base}.pem": pem.encode(row.der, newline=newline), **chain.trust}
    return {name: text.encode("ascii") for name, text in texts.items()}
