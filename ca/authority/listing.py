"""Looking at what was issued, and handing it out again."""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ca.authority import delivery as delivering
from ca.authority.describing import ca_record, certificate_record
from ca.authority.finding import Match, find
from ca.authority.home import Home
from ca.authority.kit import is_told_anew, kit_of
from ca.authority.ownership import is_kit_file, refuse_foreign
from ca.device.request_rules import next_steps
from ca.documents.certificates import ChainDocument, ExportDocument, ListDocument, ShowDocument
from ca.encoding import pem
from ca.encoding.account import unpack_account
from ca.encoding.certificates import read_certificate
from ca.encoding.pkcs7 import certs_only
from ca.errors import CAError, ConflictError, NotFoundError, attempt
from ca.files import conflicts, held_folder, make_folder, write_atomic, zipped
from ca.keys.public import read_public_key
from ca.model.findings import Finding
from ca.model.status import CURRENT
from ca.store import certificates, devices
from ca.store.certificates import CertificateRow
from ca.store.devices import DeviceRow

Format = Literal["pem", "der", "p7b"]
FORMATS = get_args(Format)
Parts = Literal["all", "root", "issuing"]
PARTS = get_args(Parts)


class ListWishes(msgspec.Struct, frozen=True):
    """Which certificates to list; without any wish the current ones."""

    expiring: timedelta | None = None
    statuses: frozenset[str] = frozenset()
    profile: str | None = None
    device: str | None = None
    everything: bool = False


def list_certificates(home: Home, wishes: ListWishes) -> ListDocument:
    """Certificates, oldest first; ``expiring`` takes current ones that end within the span."""
    now = home.now()
    until = None if wishes.expiring is None else int((now + wishes.expiring).timestamp())
    wanted: Collection[str] = wishes.statuses or CURRENT
    rows = certificates.certificates(
        home.store, device=wishes.device, profile=wishes.profile, until=until
    )
    return ListDocument(
        certificates=[
            certificate_record(row, now)
            for row in rows
            if (wishes.everything and not wishes.statuses) or row.status(now) in wanted
        ]
    )


def show(home: Home, ref: str) -> ShowDocument:
    """One certificate with its account.

    Raises:
        CAError: the REF means none, or several.
    """
    match = find(home, ref)
    facts = read_certificate(match.row.der)
    return ShowDocument(
        certificate=certificate_record(match.row, home.now()),
        key=read_public_key(facts.spki).label,
        key_usage=list(facts.key_usage),
        extended_key_usage=list(facts.extended_key_usage),
        signature_algorithm=facts.signature_algorithm,
        source=match.row.source,
        status_reason=match.row.revocation_reason,
        status_since=match.row.revoked_at,
        certificate_pem=pem.encode(match.row.der),
        account=unpack_account(match.row.account),
        others=_others(match),
    )


class ExportWishes(msgspec.Struct, frozen=True):
    """How an export is written."""

    folder: Path
    format: Format = "pem"
    crlf: bool = False
    overwrite: bool = False
    target: str | None = None
    zip: bool = False


def export(home: Home, ref: str, wishes: ExportWishes) -> ExportDocument:
    """Write a certificate's upload files again; with a target the whole upload kit.

    Raises:
        NotFoundError: it has no certificate.
        ConflictError: a file holds something else.
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
        files = {f"{delivering.with_context(stem, row.context)}-upload.zip": zipped(files)}
    make_folder(wishes.folder)
    with held_folder(wishes.folder):
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
        others=_others(match),
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
    """Whether something is in a file's place that does not give way to it."""
    path = wishes.folder / name
    if wishes.overwrite or not os.path.lexists(path):
        return path.is_dir()
    if path.is_file() and not conflicts(path, data):
        return False
    ours = attempt(refuse_foreign, path, partial(is_kit_file, name))
    return not is_told_anew(name) or isinstance(ours, CAError)


def _export_files(
    home: Home, stem: str, context: int | None, der: bytes, wishes: ExportWishes
) -> dict[str, bytes]:
    issuing, root = home.chain()
    base = delivering.device_name(stem, context).removesuffix(".pem")
    if wishes.format == "der":
        return {
            f"{base}.cer": der,
            "trusted-1-root.cer": root,
            "trusted-2-issuing.cer": issuing,
        }
    if wishes.format == "p7b":
        return {f"{base}.p7b": certs_only([der]), "trusted-root.p7b": certs_only([issuing, root])}
    newline = "\r\n" if wishes.crlf else "\n"
    chain = delivering.chain_of(home, newline)
    texts = {f"{base}.pem": pem.encode(der, newline=newline), **delivering.trust_files(chain)}
    return {name: text.encode("ascii") for name, text in texts.items()}


def chain(home: Home, *, parts: Parts = "all", format: Format = "pem") -> bytes:  # noqa: A002 - the option's name
    """The CA certificates, issuing first and root last.

    Raises:
        ConflictError: DER holds one certificate, and several were asked for.
    """
    issuing, root = home.chain()
    chosen = {"all": [issuing, root], "root": [root], "issuing": [issuing]}[parts]
    if format == "p7b":
        return certs_only(chosen)
    if format == "pem":
        return pem.bundle(chosen).encode("ascii")
    if len(chosen) > 1:
        raise ConflictError(
            "DER holds one certificate, and the chain has two",
            hint="--parts root or --parts issuing, or --format p7b",
        )
    return chosen[0]


def chain_document(home: Home, *, parts: Parts = "all") -> ChainDocument:
    """The CA certificates as a document."""
    roles = {"all": ("issuing", "root"), "root": ("root",), "issuing": ("issuing",)}[parts]
    cas = [home.ca(role) for role in roles]
    ders = [each.issuer.facts.der for each in cas if each.issuer.facts]
    return ChainDocument(cas=[ca_record(each) for each in cas], pem=pem.bundle(ders))


def write_chain(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write what ``chain`` answered.

    Raises:
        CAError: another file is there, or it cannot be written.
    """
    if not path.parent.is_dir():
        raise NotFoundError(f"there is no folder '{path.parent}'", hint="make it first")
    write_atomic(path, data, overwrite=overwrite)


def stem_of_row(row: CertificateRow) -> str:
    """The stem that ``sign --out`` gave its files: the source's, for stdin the device's or CN."""
    if row.source != "-":
        return delivering.stem_of(Path(row.source).stem) or "device"
    return delivering.file_safe(row.device or read_certificate(row.der).cn or row.serial.hex())


def _others(match: Match) -> list[str]:
    return [row.serial.hex() for row in match.others]
