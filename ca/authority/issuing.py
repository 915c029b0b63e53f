"""``issue``: key and certificate made here, for test peers, shared and wildcard certificates.

The key is handed out once, into a file that only its owner reads, and is not kept. Run again,
a key that is there is never replaced: its certificate is kept while it is good, else renewed.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec

from ca.authority import delivery as delivering
from ca.authority import recording, upkeep
from ca.authority.home import Home
from ca.authority.judging import Judge, lifetime_text
from ca.documents.handing import IssuedFiles, IssueDocument
from ca.encoding import pem
from ca.encoding.account import unpack_account
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, ConflictError, MalformedError
from ca.files import PRIVATE, make_folder, read_bounded, write_atomic
from ca.issuance.issue import issue
from ca.issuance.order import Order, Prepared, own_request
from ca.issuance.prepare import prepare
from ca.keys.files import HandedOut, KeyFile, check_ascii, read_key_file, written
from ca.keys.soft import make
from ca.model.certificates import CertificateFacts, GeneralName, SubjectAttribute, subject_text
from ca.model.wishes import SigningWishes
from ca.names.hosts import as_address
from ca.profiles.profile import Profile
from ca.store import certificates
from ca.store.certificates import CURRENT, CertificateRow

RENEW_BEFORE = timedelta(days=60)


class IssueWishes(msgspec.Struct, frozen=True):
    """What to make, and where it goes."""

    names: tuple[GeneralName, ...]
    folder: Path
    profile: str = "sip"
    key: str = "ec:p256"
    lifetime: object = None
    device: str | None = None
    form: KeyFile = KeyFile()
    renew_before: timedelta = RENEW_BEFORE


class _Paths(msgspec.Struct, frozen=True):
    key: Path
    device: Path
    fullchain: Path


def inferred_name(text: str) -> GeneralName:
    """A name whose kind is seen from its form: address, URI, e-mail, else a host name."""
    literal = as_address(text)
    if literal is not None:
        return GeneralName("ip", literal)
    if text.lower().startswith(("sip:", "sips:", "http:", "https:", "urn:")):
        return GeneralName("uri", text)
    return GeneralName("email" if "@" in text else "dns", text)


def stem_for(name: GeneralName) -> str:
    """The stem of the files of a certificate whose first name this is."""
    return delivering.file_safe(name.value.replace("*", "wildcard"))


def issue_key(home: Home, wishes: IssueWishes) -> IssueDocument:
    """Make a key and its certificate, or find both in the folder and good.

    Raises:
        CAError: a name, the profile or a file forbids it; no key was overwritten.
    """
    home.assert_sound()
    job, before, kept, paths = _prepared(home, wishes)
    if before is not None and _is_good(home, before, job, wishes.renew_before):
        return _document(home, "nothing", before, paths, wishes)
    home.store.assert_writable()
    make_folder(wishes.folder)
    row = _sign(home, job, wishes, paths)
    _write_public(row.der, paths, delivering.chain_of(home), wishes.folder)
    upkeep.rotate_due(home)
    made = "certificate" if kept else "key-and-certificate"
    return _document(home, made, row, paths, wishes)


def would_make(home: Home, wishes: IssueWishes) -> str:
    """What ``issue_key`` would make: "key-and-certificate", "certificate" or "nothing".

    Raises:
        CAError: it would refuse.
    """
    job, before, kept, _ = _prepared(home, wishes)
    if before is not None and _is_good(home, before, job, wishes.renew_before):
        return "nothing"
    return "certificate" if kept else "key-and-certificate"


def _prepared(home: Home, wishes: IssueWishes) -> tuple[_Job, CertificateRow | None, bool, _Paths]:
    """The certificate as it would be signed, the one that is there, whether its key is there."""
    check_ascii(wishes.form.passphrase)
    stem = stem_for(wishes.names[0])
    ending = "pfx" if wishes.form.pfx else "key"
    paths = _Paths(
        wishes.folder / f"{stem}.{ending}",
        wishes.folder / delivering.device_name(stem, None),
        wishes.folder / delivering.fullchain_name(stem, None),
    )
    delivery = delivering.Delivery(folder=wishes.folder)
    delivering.refuse_foreign_trust_files(delivery, delivering.chain_of(home))
    kept = _kept_key(paths, wishes)
    before = _certificate_in(home, paths.device, kept)
    _certificate_in(home, paths.fullchain, kept)
    judge = Judge(home)
    if kept is not None:
        judge.check_key(kept.public.identity)
    key = kept or _new_key(wishes.key)
    order = _order(home, judge, key, wishes)
    return _Job(judge, order, prepare(order), key), before, kept is not None, paths


def _order(home: Home, judge: Judge, key: HandedOut, wishes: IssueWishes) -> Order:
    profile: Profile = judge.profile(wishes.profile)
    cn = next((each.value for each in wishes.names if each.kind in ("dns", "ip")), None)
    if cn is None:
        raise MalformedError(
            "none of the names is a host name or an address", hint="name what peers dial, too"
        )
    wildcard = {"wildcard"} if any("*" in each.value for each in wishes.names) else set()
    return Order(
        request=own_request(key.public.spki, (SubjectAttribute("CN", cn),)),
        profile=profile,
        issuer=judge.ca.issuer,
        wishes=SigningWishes(
            profile=wishes.profile,
            device=wishes.device,
            san=wishes.names,
            lifetime=wishes.lifetime,  # type: ignore[arg-type]
            allow=frozenset(wildcard),
        ),
        now=home.now(),
        serial=home.new_serial(),
        ca_subjects=judge.ca_subjects,
    )


class _Job(msgspec.Struct, frozen=True):
    judge: Judge
    order: Order
    prepared: Prepared
    key: HandedOut


def _sign(home: Home, job: _Job, wishes: IssueWishes, paths: _Paths) -> CertificateRow:
    judge, order, prepared, key = job.judge, job.order, job.prepared, job.key
    signer = home.signer(judge.ca)
    draft = recording.Draft(
        prepared=prepared,
        profile=order.profile,
        issuer_id=judge.ca.issuer.id,
        lifetime=lifetime_text(order.wishes),
        source=f"issue {paths.device.name.removesuffix('-device.pem')}",
        device=wishes.device,
        overrides=tuple(sorted(order.wishes.allow)),
    )
    with home.store.write():
        judge.check_key(key.public.identity)
        (number,) = recording.write_plans(home, [draft])
    home.step("planned")
    issued = issue(prepared.tbs, signer, judge.ca.issuer.key)
    home.step("signed")
    chain = [issued.der, *home.chain()]
    data = written(key, wishes.form, name=prepared.san[0].value, chain=chain)
    if wishes.form.pfx or not paths.key.exists():
        write_atomic(paths.key, data, mode=PRIVATE, overwrite=wishes.form.pfx)
    home.step("key-written")
    with home.store.write():
        recording.write_result(home, number, draft, issued)
    home.step("recorded")
    return certificates.by_plan(home.store, number)


def _new_key(spec: str) -> HandedOut:
    made = make(spec, None, label="new")
    return HandedOut(made.ref.pkcs8, made.public)


def _kept_key(paths: _Paths, wishes: IssueWishes) -> HandedOut | None:
    """The key that is in the folder already.

    Raises:
        CAError: something is in its place that is no key, or that its pass-phrase does not open.
    """
    if not paths.key.exists():
        return None
    return read_key_file(read_bounded(paths.key), wishes.form.passphrase, name=str(paths.key))


def _certificate_in(home: Home, path: Path, key: HandedOut | None) -> CertificateRow | None:
    """The certificate of the kept key that lies in the folder.

    Raises:
        ConflictError: a certificate of another key, or of another CA, lies there.
    """
    if not path.exists():
        return None
    facts = _facts_in(path)
    if key is not None and facts is not None and read_key(facts) == key.public.identity:
        for row in certificates.by_key(home.store, key.public.identity):
            if row.der == facts.der:
                return row
    raise ConflictError(
        f"'{path}' is in the way: it is not a certificate of the key beside it",
        hint="choose another --out",
    )


def _facts_in(path: Path) -> CertificateFacts | None:
    from ca.encoding.bundles import read_bundle

    try:
        return read_certificate(read_bundle(read_bounded(path), what=str(path)).members[0].der)
    except (CAError, IndexError):
        return None


def read_key(facts: CertificateFacts) -> bytes:
    """The identity of a certificate's key."""
    from ca.keys.public import read_public_key

    return read_public_key(facts.spki).identity


def _is_good(home: Home, row: CertificateRow, job: _Job, renew_before: timedelta) -> bool:
    prepared, order = job.prepared, job.order
    facts = read_certificate(row.der)
    if row.status(home.now()) not in CURRENT or row.issuer_id != order.issuer.id:
        return False
    same = (
        facts.san == prepared.san
        and facts.subject == prepared.subject
        and row.profile_sha256 == order.profile.text_hash
        and row.lifetime == lifetime_text(order.wishes)
    )
    whole = facts.validity.not_after - facts.validity.not_before
    left = facts.validity.not_after - home.now()
    return same and left > min(renew_before, whole / 3)


def _write_public(der: bytes, paths: _Paths, chain: delivering.Chain, folder: Path) -> None:
    """Certificates beside the key; those of the same key that were there give way."""
    leaf = pem.encode(der)
    write_atomic(paths.device, leaf.encode(), overwrite=True)
    write_atomic(paths.fullchain, (leaf + chain.issuing).encode(), overwrite=True)
    for name, text in delivering.trust_files(chain).items():
        write_atomic(folder / name, text.encode())


def _document(
    home: Home, made: str, row: CertificateRow, paths: _Paths, wishes: IssueWishes
) -> IssueDocument:
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
        files=IssuedFiles(
            key=str(paths.key),
            device=str(paths.device),
            fullchain=str(paths.fullchain),
            trusted_root=str(wishes.folder / delivering.TRUSTED_ROOT),
        ),
        account=unpack_account(row.account),
    )
