"""``issue``: key and certificate made here, for test peers, shared and wildcard certificates.

The key is written once, to a file that only its owner can read, and is not stored. A later call
never replaces an existing key: it keeps the certificate while it is good, and renews it otherwise.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec

from ca.authority import register, server_files, server_places, upload_files
from ca.authority.devices.new_devices import judge_taken_over
from ca.authority.home import Home
from ca.authority.signing.issue_files import Place, place_of
from ca.authority.signing.judge import Judge, lifetime_text
from ca.authority.signing.results import superseded_record
from ca.authority.signing.reuse import Wanted, can_be_reused
from ca.authority.status import upkeep
from ca.authority.status.revoke import update_crls
from ca.authority.succession import attached_place
from ca.documents.issue import IssueDocument
from ca.encoding.account import unpack_account
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, MalformedError, PolicyError
from ca.files import lock_folder, make_folder
from ca.issuance.order import Order, Prepared, own_request
from ca.issuance.prepare import prepare
from ca.keys.files import KeyFileFormat, KeyPair, check_passphrase
from ca.keys.soft import generate_key
from ca.model.certificates import GeneralName, SubjectAttribute, subject_text
from ca.model.findings import Finding
from ca.model.wishes import SigningWishes
from ca.names.hosts import as_address, is_factory_name
from ca.names.text import check_device_name, printable
from ca.profiles.profile import Profile
from ca.store import certificates, devices
from ca.store.certificates import CertificateRow

EC_KEY, SMALLEST_RSA = "ec:p256", 2048


class IssueWishes(msgspec.Struct, frozen=True):
    """What to make, and where to write it."""

    names: tuple[GeneralName, ...]
    folder: Path
    profile: str = "sip"
    key: str | None = None
    """The kind of key; None: one that the named target, or the device's, is known to take."""
    lifetime: object = None
    device: str | None = None
    allow: frozenset[str] = frozenset()
    form: KeyFileFormat = KeyFileFormat()
    renew_before: timedelta | None = None
    beside: bool = False
    revoke_old: bool = False
    target: str | None = None
    """The kind of server; one whose target names files gets those, and nothing else. Without it
    the device's, else the home's."""


def _default_key(home: Home, wishes: IssueWishes) -> str:
    """The kind of key where none is named: what the target, or the device's, is known to take."""
    device = None if wishes.device is None else devices.device(home.store, wishes.device)
    name = wishes.target or (device.target if device is not None else None)
    if name is None:
        return EC_KEY
    facts = home.library.target(name).key
    return EC_KEY if "ec" in facts.kinds else f"rsa:{max(SMALLEST_RSA, facts.smallest_rsa)}"


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
    wishes = _with_known_device(home, wishes)
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
        prospect.place.hand_out(home, row, prospect.job.key)
        home.step("handed-out")
    if prospect.good is not None:
        return _document(home, "nothing", row, prospect)
    pending = (
        update_crls(home, {row.issuer_id for row in superseded}) if wishes.revoke_old else None
    )
    upkeep.rotate_due(home)
    made = "certificate" if prospect.kept else "key-and-certificate"
    document = _document(home, made, row, prospect)
    return msgspec.structs.replace(
        document,
        superseded=[superseded_record(home, old, revoked=wishes.revoke_old) for old in superseded],
        pending=pending,
    )


def _with_known_device(home: Home, wishes: IssueWishes) -> IssueWishes:
    """The wishes, the device spelled as the register has it.

    Raises:
        MalformedError: nothing can be called that.
    """
    if wishes.device is None:
        return wishes
    check_device_name(wishes.device)
    spelled = devices.spelled(home.store, wishes.device) or wishes.device
    return msgspec.structs.replace(wishes, device=spelled)


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
    target = server_files.target_for(home, wishes.target, wishes.device)
    place = place_of(wishes.folder, stem, wishes.form, target)
    kept = place.kept_key()
    place.check(home)
    if not target.server_files and kept is None:
        there = server_places.served(home, wishes.folder).get(stem)
        if there is not None:
            raise there.left_behind(stem)
    judge = Judge(home)
    if kept is not None:
        _check_kept(judge, kept, place)
    key = kept or new_key or _new_key(wishes.key or _default_key(home, wishes))
    order = _order(home, judge, key, wishes)
    try:
        job = _Job(judge, order, prepare(order), key)
    except CAError as error:
        raise _of_given_names(error) from None
    rows = [] if kept is None else certificates.by_key(home.store, kept.public.identity)
    held = attached_place(home.store, rows) if wishes.device is None else None
    wanted = Wanted(order.issuer.id, order.profile, lifetime_text(order.wishes), job.prepared)
    now, before = home.now(), wishes.renew_before
    good = next((row for row in rows if can_be_reused(row, wanted, now, renew_before=before)), None)
    findings = judge.check_clock(wishes.allow) if good is None else []
    if good is None:
        of_device = judge.new_devices.judge(wishes.device, wishes.allow)
        of_device = of_device if held is None else judge_taken_over(held)
        findings = [*of_device, *findings]
    return _Prospect(job, good, kept is not None, place, findings, held)


def _check_kept(judge: Judge, key: KeyPair, place: Place) -> None:
    """Check that the key that is there may be certified again.

    Raises:
        PolicyError: it may not; the hint says how another one is made.
    """
    try:
        judge.check_key(key.public.identity)
    except PolicyError as error:
        if error.rule == "key-compromised":
            error.hint = f"move {place.files().key} away: the same command then makes a new key"
        raise


def _of_given_names(error: CAError) -> CAError:
    """Rephrase a rule's refusal of a request's names for given names: there is no CSR."""
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
    for each in wishes.names:
        if is_factory_name(each.value) and each.value != cn:
            raise MalformedError(
                f"'{printable(each.value)}' is a factory name or a MAC address, which no SAN holds",
                hint="name it first, and it becomes the CN; or leave it out",
            )
    return Order(
        request=own_request(key.public.spki, (SubjectAttribute("CN", cn),)),
        profile=profile,
        issuer=judge.ca.issuer,
        wishes=SigningWishes(
            profile=wishes.profile,
            device=wishes.device,
            san=tuple(each for each in wishes.names if not is_factory_name(each.value)),
            lifetime=wishes.lifetime,  # type: ignore[arg-type]
            allow=wishes.allow,
            origin=None,
        ),
        now=home.now(),
        serial=home.new_serial(),
        ca_subjects=judge.ca_subjects,
    )


class _Prospect(msgspec.Struct, frozen=True):
    """A certificate to make, or the existing good one; ``kept`` says whether the key exists.

    ``findings`` are those of the device's name and the clock, if a certificate is to be made.
    """

    job: _Job
    good: CertificateRow | None
    kept: bool
    place: Place
    findings: list[Finding]
    held: CertificateRow | None = None
    """The one whose device and context the new one has, since none was named."""


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
    signer, held = home.signer(judge.ca), prospect.held
    draft = register.Draft(
        prepared=prepared,
        profile=order.profile,
        issuer_id=judge.ca.issuer.id,
        lifetime=lifetime_text(order.wishes),
        source=f"issue {prospect.place.stem}",
        device=wishes.device if held is None else held.device,
        context=None if held is None else held.context,
        overrides=tuple(sorted(order.wishes.allow)),
        beside=wishes.beside,
        revoke_old=wishes.revoke_old,
    )

    def keep_key_file() -> None:
        if not prospect.kept:
            prospect.place.write_key(key, wishes.names[0].value)
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


def _document(home: Home, made: str, row: CertificateRow, prospect: _Prospect) -> IssueDocument:
    facts = read_certificate(row.der)
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
        files=prospect.place.files(),
        server=prospect.place.server,
        account=unpack_account(row.account),
        findings=prospect.findings,
        supersedes=row.supersedes.hex() if row.supersedes else None,
    )
