"""The upload kit of one certificate for one kind of device: files, sheet, account, preflight."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import msgspec

from ca.authority import upload_files
from ca.authority.home import Home
from ca.authority.lineage import trusted
from ca.authority.refs import find
from ca.device.preflight import preflight
from ca.device.sheet import Sheet, SheetRow, as_text
from ca.device.sheet_page import as_html
from ca.device.sheet_steps import Place
from ca.device.upload import Role, Upload, device_file, trust_file
from ca.documents.base import encode_json
from ca.documents.preflight import PreflightDocument
from ca.documents.verdict import verdict_of
from ca.encoding import pem
from ca.encoding.account import unpack_account
from ca.encoding.certificates import read_certificate
from ca.model.account import FieldAccount
from ca.model.certificates import CertificateFacts
from ca.model.findings import Finding
from ca.names.hosts import as_address
from ca.names.text import printable
from ca.profiles.target import Target
from ca.store import devices
from ca.store.certificates import CertificateRow
from ca.store.devices import DeviceRow

SUMS = "SHA256SUMS"


def may_be_overwritten(name: str) -> bool:
    """Whether a file describes the current state and may be overwritten."""
    return name == SUMS or name.endswith(
        ("-upload-sheet.txt", "-upload-sheet.html", "-preflight.json", "-upload.zip")
    )


class Kit(msgspec.Struct, frozen=True):
    """The kit's files by name, the device file first, and preflight's findings."""

    files: dict[str, bytes]
    findings: list[Finding]


def kit_of(
    home: Home, row: CertificateRow, stem: str, device: DeviceRow, target: Target, newline: str
) -> Kit:
    """Assemble the files to upload and those that are kept with them."""
    chain = upload_files.chain_of(home, newline, issuer_id=row.issuer_id)
    leaf = pem.encode(row.der, newline=newline)
    base = upload_files.with_context(stem, row.context)
    texts = {
        upload_files.device_name(stem, row.context): leaf,
        **chain.trust,
        upload_files.fullchain_name(stem, row.context): leaf + chain.sent,
    }
    files = {name: text.encode("ascii") for name, text in texts.items()}
    bundle = files[upload_files.TRUSTED_ROOT]
    findings = _judged(home, device, target, {f"{base}-device.pem": leaf.encode()}, bundle)
    sheet = _sheet(home, row, device, target, files, findings)
    files[f"{base}-upload-sheet.txt"] = as_text(sheet).replace("\n", newline).encode()
    files[f"{base}-upload-sheet.html"] = as_html(sheet).encode()
    account = unpack_account(row.account)
    files[f"{base}-account.txt"] = account_text(account).replace("\n", newline).encode()
    findings_json = msgspec.json.format(encode_json({"schema": 1, "findings": findings}))
    files[f"{base}-preflight.json"] = findings_json + b"\n"
    sums = "".join(_sum_line(name, data) for name, data in sorted(files.items()))
    files[SUMS] = sums.encode()
    return Kit(files, findings)


def judge_kit(home: Home, ref: str) -> PreflightDocument:
    """What preflight says of the files that a kit for the certificate's device would hold.

    Raises:
        CAError: the REF matches none, or several.
    """
    row = find(home, ref).row
    device = (devices.device(home.store, row.device) if row.device else None) or DeviceRow(
        row.device or ""
    )
    target = home.library.target(device.target or home.target)
    chain = upload_files.chain_of(home, issuer_id=row.issuer_id)
    name = upload_files.device_name(upload_files.stem_of_row(row), row.context)
    leaf = {name: pem.encode(row.der).encode()}
    findings = _judged(home, device, target, leaf, chain.trust[upload_files.TRUSTED_ROOT].encode())
    return PreflightDocument(verdict=verdict_of(findings), findings=findings)


def _judged(
    home: Home, device: DeviceRow, target: Target, leaf: dict[str, bytes], bundle: bytes
) -> list[Finding]:
    """Preflight's findings about the device's file and the trust file."""
    ((name, data),) = leaf.items()
    upload = device_file(name, data)
    return preflight(
        Upload(
            target=target,
            device=upload,
            at=home.now(),
            trust=trust_file(upload_files.TRUSTED_ROOT, bundle),
            peers=device.addresses,
            role=_role(upload.facts.extended_key_usage),
        )
    )


def sums_of(data: bytes) -> dict[str, str]:
    """The sums that a file of them lists, by the names that need no escapes."""
    lines = data.decode("utf-8", "replace").splitlines()
    return {name: digits for digits, _, name in (line.partition("  ") for line in lines) if name}


def _sum_line(name: str, data: bytes) -> str:
    """A line that ``sha256sum -c`` reads; it begins with a backslash if the name has escapes."""
    spelled = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if spelled == name else chr(92)}{sha256(data).hexdigest()}  {spelled}\n"


def _sheet(
    home: Home,
    row: CertificateRow,
    device: DeviceRow,
    target: Target,
    files: dict[str, bytes],
    findings: list[Finding],
) -> Sheet:
    facts = read_certificate(row.der)
    singles = {f"{name}.pem": ca for name, ca in upload_files.trust_names(trusted(home)).items()}
    name = next(iter(files))
    place = Place(
        target=target,
        address=_address(facts, device),
        context=device.context if row.context is None else row.context,
        device=name,
        bundle=upload_files.TRUSTED_ROOT,
        singles=tuple(singles),
        key=f"{upload_files.stem_of_row(row)}.key" if row.source.startswith("issue ") else None,
    )
    return Sheet(
        ca=home.name,
        device=device.name,
        host=facts.cn or facts.serial,
        place=place,
        made_at=home.now(),
        rows=tuple(
            SheetRow(name, purpose, certificates, sha256(files[name]).hexdigest())
            for name, purpose, certificates in (
                (name, target.pages.device, (facts,)),
                *_trust_rows(place, {name: ca.facts for name, ca in singles.items()}),
            )
        ),
        findings=tuple(findings),
    )


def _trust_rows(
    place: Place, singles: dict[str, CertificateFacts]
) -> Iterator[tuple[str, str, tuple[CertificateFacts, ...]]]:
    """The trust files that are imported: the single ones, or the one that holds them all."""
    page = place.target.pages.trust
    if not place.one_by_one:
        at_once = "both at once" if len(singles) == 2 else "all at once"
        yield place.bundle, f"{page}: {at_once}", tuple(singles.values())
        return
    for number, (name, facts) in enumerate(singles.items(), 1):
        which = _ORDINALS.get(number, f"number {number}")
        yield name, f"{page}: one by one, {which}", (facts,)


def _address(facts: CertificateFacts, device: DeviceRow) -> str | None:
    """What the technician opens: a registered address, else one of the certificate."""
    registered = [each for each in device.addresses if as_address(each) is not None]
    certified = [each.value for each in facts.san if each.kind == "ip"]
    hosts = [*device.addresses, *(each.value for each in facts.san if each.kind == "dns")]
    return next(iter([*registered, *certified, *hosts]), None)


_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth"}


def _role(purposes: tuple[str, ...]) -> Role:
    """The role that the certificate was issued for; preflight does not demand the other."""
    if "serverAuth" in purposes and "clientAuth" not in purposes:
        return "server"
    return "client" if "clientAuth" in purposes and "serverAuth" not in purposes else "both"


def account_text(account: list[FieldAccount]) -> str:
    """The account as the kit's file has it, one line a field."""
    lines = [
        f"{line.field}: asked {line.asked or '-'}; issued {line.issued or '-'}; "
        f"{line.how} ({line.rule})"
        for line in account
    ]
    return "\n".join(printable(line, limit=8000) for line in lines) + "\n"
