"""``issue``: key and certificate made here, for test peers, shared and wildcard certificates.

The key is written once, to a file that only its owner can read, and is not stored. A later call
never replaces an existing key: it keeps the certificate while it is good, and renews it otherwise.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import msgspec

from ca.authority import register, upload_files
from ca.authority.home import Home
from ca.authority.signing.judge import Judge, lifetime_text
from ca.authority.signing.results import superseded_record
from ca.authority.signing.reuse import Wanted, can_be_reused
from ca.authority.status import upkeep
from ca.authority.status.revoke import update_crls
from ca.documents.issue import IssuedFiles, IssueDocument
from ca.encoding import pem
from ca.encoding.account import unpack_account
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, ConflictError, MalformedError
from ca.files import PRIVATE, lock_folder, make_folder, read_bounded, write_atomic
from ca.issuance.order import Order, Prepared, own_request
from ca.issuance.prepare import prepare
from ca.keys.files import (
    KeyFileFormat,
    KeyPair,
    certificate_in_pfx,
    check_passphrase,
    encode_key_file,
    read_key_file,
)
from ca.keys.soft import generate_key
from ca.model.certificates import CertificateFacts, GeneralName, SubjectAttribute, subject_text
from ca.model.findings import Finding
from ca.model.wishes import SigningWishes
from ca.names.hosts import as_address
from ca.profiles.profile import Profile
from ca.store import certificates
from ca.store.certificates import CertificateRow


class IssueWishes(msgspec.Struct, frozen=True):
    """What to make, and where to write it."""

    names: tuple[GeneralName, ...]
    folder: Path
    profile: str = "sip"
    key: str = "ec:p256"
    lifetime: object = None
    device: str | None = None
    allow: frozenset[str] = frozenset()
    form: KeyFileFormat = KeyFileFormat()
    renew_before: timedelta | None = None
    beside: bool = False
    revoke_old: bool = False


class _Paths(msgspec.Struct, frozen=True):
    key: Path
    device: Path
    fullchain: Path


def inferred_name(text: str) -> GeneralName:
    """Infer a name's kind from its form: address, URI, e-mail, otherwise a host name."""
    literal = as_address(text)
    if literal is not None:
        return GeneralName("ip", literal)
    if text.lower().startswith(("sip:", "sips:", "http:", "https:", "urn:")):
        return GeneralName("uri", text)
    return GeneralName("email" if "@" in text else "dns", text)


def stem_for(name: GeneralName) -> str:
    """The stem of the files of a certificate with this first name."""
    return upload_files.file_safe(name.value.replace("*", "wildcard"))


def issue_key(home: Home, wishes: IssueWishes) -> IssueDocument:
    """Make a key and its certificate, or find a good pair in the folder.

    The folder is locked from the check of its files until they are written: of several
    simultaneous calls one makes the pair, and the others find it. A certificate that a killed call
    had recorded is handed out by the next one.

    Raises:
        CAError: it is refused because of a name, the profile or a file; no key was overwritten.
    """
    home.assert_sound()
    first = _prepared(home, wishes)
    if first.good is None:
        home.store.assert_writable()
        home.signer(first.job.judge.ca)  # may ask for the passphrase, so before the lock
    make_folder(wishes.folder)
    with lock_folder(wishes.folder):
        prospect = _prepared(home, wishes, new_key=first.job.key)
        superseded: list[CertificateRow] = []
        row = prospect.good
        if row is None:
            row, superseded = _sign(home, prospect, wishes)
        _hand_out(home, row, prospect, wishes)
    if prospect.good is not None:
        return _document(home, "nothing", row, prospect, wishes)
    pending = (
        update_crls(home, {row.issuer_id for row in superseded}) if wishes.revoke_old else None
    )
    upkeep.rotate_due(home)
    made = "certificate" if prospect.kept else "key-and-certificate"
    document = _document(home, made, row, prospect, wishes)
    return msgspec.structs.replace(
        document,
        superseded=[superseded_record(old, revoked=wishes.revoke_old) for old in superseded],
        pending=pending,
    )


def would_make(home: Home, wishes: IssueWishes) -> str:
    """What ``issue_key`` would make: "key-and-certificate", "certificate" or "nothing".

    Raises:
        CAError: ``issue_key`` would refuse.
    """
    prospect = _prepared(home, wishes)
    if prospect.good is not None:
        return "nothing"
    return "certificate" if prospect.kept else "key-and-certificate"


def _prepared(home: Home, wishes: IssueWishes, *, new_key: KeyPair | None = None) -> _Prospect:
    """The certificate to sign and what exists of it; ``new_key`` is a key just generated."""
    check_passphrase(wishes.form.passphrase)
    stem = stem_for(wishes.names[0])
    ending = "pfx" if wishes.form.pfx else "key"
    paths = _Paths(
        wishes.folder / f"{stem}.{ending}",
        wishes.folder / upload_files.device_name(stem, None),
        wishes.folder / upload_files.fullchain_name(stem, None),
    )
    delivery = upload_files.Delivery(folder=wishes.folder)
    upload_files.refuse_foreign_trust_files(delivery, upload_files.chain_of(home))
    kept = _kept_key(paths, wishes)
    _check_certificate_in(home, paths.device, kept)
    _check_certificate_in(home, paths.fullchain, kept)
    judge = Judge(home)
    if kept is not None:
        judge.check_key(kept.public.identity)
    key = kept or new_key or _new_key(wishes.key)
    order = _order(home, judge, key, wishes)
    try:
        job = _Job(judge, order, prepare(order), key)
    except CAError as error:
        raise _of_given_names(error) from None
    rows = [] if kept is None else certificates.by_key(home.store, kept.public.identity)
    wanted = Wanted(order.issuer.id, order.profile, lifetime_text(order.wishes), job.prepared)
    now, before = home.now(), wishes.renew_before
    good = next((row for row in rows if can_be_reused(row, wanted, now, renew_before=before)), None)
    findings = judge.check_clock(wishes.allow) if good is None else []
    return _Prospect(job, good, kept is not None, paths, findings)


def _of_given_names(error: CAError) -> CAError:
    """Rephrase a rule's refusal of a request's names for given names: there is no CSR."""
    error.message = error.message.replace("the CSR's SAN", "the SAN")
    advice, semicolon, override = (error.hint or "").partition("; --allow")
    if any(word in advice for word in ("CSR", "--cn", "--san", "--fix-san", "--replace-san")):
        advice = "sipca issue takes what peers dial, host names and addresses: correct the name"
        error.hint = advice + semicolon + override
    return error


def _order(home: Home, judge: Judge, key: KeyPair, wishes: IssueWishes) -> Order:
    profile: Profile = judge.profile(wishes.profile)
    cn = next((each.value for each in wishes.names if each.kind in ("dns", "ip")), None)
    if cn is None:
        raise MalformedError(
            "none of the names is a host name or an address", hint="name what peers dial, too"
        )
    return Order(
        request=own_request(key.public.spki, (SubjectAttribute("CN", cn),)),
        profile=profile,
        issuer=judge.ca.issuer,
        wishes=SigningWishes(
            profile=wishes.profile,
            device=wishes.device,
            san=wishes.names,
            lifetime=wishes.lifetime,  # type: ignore[arg-type]
            allow=wishes.allow,
        ),
        now=home.now(),
        serial=home.new_serial(),
        ca_subjects=judge.ca_subjects,
    )


class _Prospect(msgspec.Struct, frozen=True):
    """A certificate to make, or the existing good one; ``kept`` says whether the key exists.

    ``findings`` are those of the clock, if a certificate is to be made.
    """

    job: _Job
    good: CertificateRow | None
    kept: bool
    paths: _Paths
    findings: list[Finding]


class _Job(msgspec.Struct, frozen=True):
    judge: Judge
    order: Order
    prepared: Prepared
    key: KeyPair


def _sign(
    home: Home, prospect: _Prospect, wishes: IssueWishes
) -> tuple[CertificateRow, list[CertificateRow]]:
    """Sign for the key, whose file is written before the certificate is recorded."""
    judge, order, prepared, key = (
        prospect.job.judge,
        prospect.job.order,
        prospect.job.prepared,
        prospect.job.key,
    )
    signer = home.signer(judge.ca)
    draft = register.Draft(
        prepared=prepared,
        profile=order.profile,
        issuer_id=judge.ca.issuer.id,
        lifetime=lifetime_text(order.wishes),
        source=f"issue {prospect.paths.device.name.removesuffix('-device.pem')}",
        device=wishes.device,
        overrides=tuple(sorted(order.wishes.allow)),
        beside=wishes.beside,
        revoke_old=wishes.revoke_old,
    )

    def keep_key_file() -> None:
        if not prospect.kept:  # a PFX has no certificate at first: none is handed out unrecorded
            data = encode_key_file(key, wishes.form, name=prepared.san[0].value, chain=[])
            write_atomic(prospect.paths.key, data, mode=PRIVATE)
        home.step("key-written")

    certified = register.certify(
        home,
        draft,
        signer=signer,
        issuer_key=judge.ca.issuer.key,
        hooks=register.Hooks(
            with_plan=lambda _: judge.check_key(key.public.identity), before_result=keep_key_file
        ),
    )
    return certificates.by_plan(home.store, certified.number), certified.superseded


def _new_key(spec: str) -> KeyPair:
    pair = generate_key(spec, None, label="new")
    return KeyPair(pair.ref.pkcs8, pair.public)


def _kept_key(paths: _Paths, wishes: IssueWishes) -> KeyPair | None:
    """The existing key of the folder, or None.

    Raises:
        CAError: the file is not a key, or the passphrase does not open it.
    """
    if not paths.key.exists():
        if paths.key.is_symlink():
            raise ConflictError(f"'{paths.key}' is a dangling symbolic link", hint="remove it")
        return None
    return read_key_file(read_bounded(paths.key), wishes.form.passphrase, name=str(paths.key))


def _check_certificate_in(home: Home, path: Path, key: KeyPair | None) -> None:
    """Check that a certificate's place is free or has an earlier one of the same key.

    Raises:
        ConflictError: it has a certificate of another key or CA, or is a link.
    """
    if not os.path.lexists(path):
        return
    facts = None if path.is_symlink() else _facts_in(path)
    if (
        key is not None
        and facts is not None
        and read_key(facts) == key.public.identity
        and certificates.is_recorded(home.store, facts.der)
    ):
        return
    if key is None and facts is not None and certificates.is_recorded(home.store, facts.der):
        raise ConflictError(
            f"'{path}' is there, but the key file beside it is gone",
            hint="remove it, and a new key and certificate are made; or put the key file back",
        )
    raise ConflictError(
        f"'{path}' is in the way: it is not a certificate of the key beside it",
        hint="choose another --out",
    )


def _facts_in(path: Path) -> CertificateFacts | None:
    from ca.encoding.bundles import first_certificate

    try:
        return read_certificate(first_certificate(read_bounded(path), what=str(path)))
    except CAError:
        return None


def read_key(facts: CertificateFacts) -> bytes:
    """The identity of a certificate's key."""
    from ca.keys.public import read_public_key

    return read_public_key(facts.spki).identity


def _hand_out(home: Home, row: CertificateRow, prospect: _Prospect, wishes: IssueWishes) -> None:
    """Write the certificates beside the key or into its PFX, replacing older ones of the same key.

    Files with the same content are not written again.
    """
    chain = upload_files.chain_of(home)
    leaf, paths = pem.encode(row.der), prospect.paths
    if not _is_in_pfx(row, paths, wishes):
        name = prospect.job.prepared.san[0].value
        data = encode_key_file(
            prospect.job.key, wishes.form, name=name, chain=[row.der, *home.chain()]
        )
        write_atomic(paths.key, data, mode=PRIVATE, overwrite=True)
    home.step("pfx-written")
    write_atomic(paths.device, leaf.encode(), overwrite=True)
    write_atomic(paths.fullchain, (leaf + chain.sent).encode(), overwrite=True)
    upload_files.write_trust_files(wishes.folder, chain)
    home.step("handed-out")


def _is_in_pfx(row: CertificateRow, paths: _Paths, wishes: IssueWishes) -> bool:
    """Whether the key file contains its certificate, if it is a PFX."""
    if not wishes.form.pfx:
        return True
    return certificate_in_pfx(read_bounded(paths.key), wishes.form.passphrase) == row.der


def _document(
    home: Home, made: str, row: CertificateRow, prospect: _Prospect, wishes: IssueWishes
) -> IssueDocument:
    facts, paths = read_certificate(row.der), prospect.paths
    return IssueDocument(
        made=made,
        serial=facts.serial,
        subject=subject_text(facts.subject),
        san=[str(each) for each in facts.san],
        profile=row.profile,
        device=row.device,
        issuer=home.ca("issuing").issuer.name,
        not_before=facts.validity.not_before,
        not_after=facts.validity.not_after,
        fingerprint=facts.fingerprint,
        files=IssuedFiles(
            key=str(paths.key),
            device=str(paths.device),
            fullchain=str(paths.fullchain),
            trusted_root=str(wishes.folder / upload_files.TRUSTED_ROOT),
        ),
        account=unpack_account(row.account),
        findings=prospect.findings,
        supersedes=row.supersedes.hex() if row.supersedes else None,
    )
