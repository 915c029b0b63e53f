"""``rekey``: a certificate of another key for the same device, context and profile."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

import msgspec

from ca.authority import upload_files
from ca.authority.home import Home
from ca.authority.refs import find, relic_refusal
from ca.authority.signing import places
from ca.authority.signing.candidates import Source
from ca.authority.signing.renew import has_fullchain, profile_of
from ca.authority.signing.sign import sign
from ca.csr.parsing import read_request
from ca.documents.rekey import RekeyDocument
from ca.documents.sign import Refused, Signed, Skipped
from ca.encoding.bundles import first_certificate
from ca.encoding.certificates import read_certificate
from ca.errors import PolicyError
from ca.files import read_bounded
from ca.keys.public import read_public_key
from ca.model.findings import Violation, cases, rule, run
from ca.model.wishes import SigningWishes
from ca.store import successions
from ca.store.certificates import CertificateRow

Entry = TypeVar("Entry", Signed, Skipped, Refused)


class RekeyWishes(msgspec.Struct, frozen=True):
    """The certificate to replace, the request with the new key, and where the files go."""

    ref: str
    csr: Path
    delivery: upload_files.Delivery
    beside: bool = False
    revoke_old: bool = False
    allow: frozenset[str] = frozenset()


class NameChange(msgspec.Struct, frozen=True):
    """The names of a certificate and of the one that replaces it, as ``KIND:VALUE`` and CN."""

    old: tuple[str, ...]
    new: tuple[str, ...]


@rule("rekey-names", "warning", "RFC 5280 4.2.1.6")
@cases("The new CSR has the names of the old certificate.", "A SAN was left out of the new CSR.")
def rekey_names(names: NameChange) -> Violation | None:
    """The certificate of the new key has the names of the old one."""
    gone = [name for name in names.old if name not in names.new]
    added = [name for name in names.new if name not in names.old]
    if not gone and not added:
        return None
    parts = [f"without {', '.join(gone)}"] if gone else []
    parts += [f"with {', '.join(added)}"] if added else []
    return Violation(
        f"the names differ from the old certificate's: {'; '.join(parts)}",
        "if that is not intended, correct the names on the device's CSR page",
    )


def rekey(home: Home, wishes: RekeyWishes) -> RekeyDocument:
    """Sign a request with another key for what a certificate is used for.

    The old certificate is superseded unless ``beside`` is set; it may have been revoked or may
    have expired.

    Raises:
        NotFoundError: the REF matches nothing.
        ConflictError: it could mean several, or the certificate is superseded already.
        PolicyError: the request has the key of the old certificate, or that is a CA's.
        CAError: whatever ends ``sign`` as a whole, or the request cannot be read.
    """
    home.assert_sound()
    row = find(home, wishes.ref).row
    serial = row.serial.hex()
    if row.is_relic:
        raise relic_refusal(row)
    if row.for_issuer_id is not None:
        raise PolicyError(
            f"{serial[:12]} is the certificate of a CA",
            hint="sipca ca rotate",
            rule="ca-certificate",
        )
    data = read_bounded(wishes.csr)
    old = read_certificate(row.der)
    if read_request(data).key.identity == read_public_key(old.spki).identity:
        raise PolicyError(
            f"'{wishes.csr}' has the key of {serial[:12]}: a new certificate for it is a renewal",
            hint=f"sipca renew {serial[:12]} --out DIR; or make a new key on the device",
            rule="rekey-same-key",
        )
    order = SigningWishes(
        profile=profile_of(row, old),
        device=row.device,
        context=row.context,
        allow=wishes.allow,
        beside=wishes.beside,
        revoke_old=wishes.revoke_old,
    )
    label, stem, delivery = str(wishes.csr), wishes.csr.stem, wishes.delivery
    if not wishes.beside and _is_in(home, delivery.folder, row):
        # as a renewal's: later exports and renewals have the names of the first writing, too
        label, stem = row.source, upload_files.stem_of_row(row)
        delivery = msgspec.structs.replace(
            delivery, fullchain=has_fullchain(row, delivery.folder or Path())
        )
    source = Source(
        label,
        stem,
        order,
        data=data,
        old_plan=None if wishes.beside else row.plan_id,
    )
    document = sign(home, [source], delivery=delivery)
    before = _names(old.cn, old.san)
    return RekeyDocument(
        ca=document.ca,
        home=document.home,
        chain_pem=document.chain_pem,
        root_pem=document.root_pem,
        signed=[_with_names(_of(wishes.csr, entry), before) for entry in document.signed],
        skipped=[_of(wishes.csr, entry) for entry in document.skipped],
        refused=[_of(wishes.csr, entry) for entry in document.refused],
        ignored=document.ignored,
        pending=document.pending,
    )


def _of(csr: Path, entry: Entry) -> Entry:
    """The entry, with the request that was given as its source."""
    return msgspec.structs.replace(entry, source=str(csr))


def _is_in(home: Home, folder: Path | None, old: CertificateRow) -> bool:
    """Whether a folder has the device file of the old certificate, or of what that superseded."""
    if folder is None or old.request_id is None or old.is_imported:
        return False
    name = upload_files.device_name(upload_files.stem_of_row(old), old.context)
    held = places.written_here(home, folder / name, upload_files.chain_of(home))
    line = {row.plan_id for row in successions.line_before(home.store, [old.plan_id])}
    return held is not None and held.plan_id in {old.plan_id, *line}


def _with_names(entry: Signed, before: tuple[str, ...]) -> Signed:
    octets = (entry.certificate_pem or "").encode()
    facts = read_certificate(first_certificate(octets, what=entry.source))
    change = NameChange(before, _names(facts.cn, facts.san))
    findings = run([rekey_names], change)
    return msgspec.structs.replace(entry, findings=[*entry.findings, *findings])


def _names(cn: str | None, san: Collection[object]) -> tuple[str, ...]:
    names = [str(name) for name in san]
    return tuple(dict.fromkeys([f"CN {cn}", *names] if cn else names))
