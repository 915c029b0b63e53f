"""Signing requests: one or many, each judged on its own, skipped where nothing would change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from ca.authority import delivery as delivering
from ca.authority import recording
from ca.authority.delivery import Chain, Delivery
from ca.authority.finding import find
from ca.authority.home import CA, Home
from ca.csr.parsing import read_request
from ca.csr.request import CertificateRequest
from ca.device.request_rules import judge_at_target
from ca.documents.exits import EXIT_CODES
from ca.documents.signing import Files, Refused, Signed, SigningDocument, Skipped
from ca.encoding import pem
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, ConflictError, MalformedError, PolicyError
from ca.files import conflicts, read_bounded
from ca.issuance.issue import issue
from ca.issuance.order import Order, Prepared
from ca.issuance.prepare import prepare
from ca.model.certificates import subject_text
from ca.model.findings import Finding, Violation, rule, run
from ca.model.wishes import SigningWishes
from ca.profiles.profile import Profile
from ca.store import certificates, plans
from ca.store.audit import Event
from ca.store.certificates import CURRENT, CertificateRow

CHUNK = 64
"""Plans committed together before the first of them is signed."""
RENEW_BEFORE = timedelta(days=60)


class Source(msgspec.Struct, frozen=True):
    """One request to sign: its name for people, the stem of its files, its octets or path.

    ``stem`` is None where the certificate's own name shall be it. ``must_be_request``: a file
    found in a folder under a name that says nothing, ignored if it holds no request.
    """

    label: str
    stem: str | None
    wishes: SigningWishes
    data: bytes | None = None
    path: Path | None = None
    must_be_request: bool = True

    def read(self) -> bytes:
        """Its octets.

        Raises:
            CAError: the file cannot be read.
        """
        if self.data is not None:
            return self.data
        assert self.path is not None
        return read_bounded(self.path)


class Candidate(msgspec.Struct, frozen=True):
    """A source that may be signed, or that need not be because ``good`` is there."""

    source: Source
    stem: str
    request: CertificateRequest
    profile: Profile
    prepared: Prepared
    findings: tuple[Finding, ...]
    supersedes: int | None
    good: CertificateRow | None


class SameKey(msgspec.Struct, frozen=True):
    """A CN about to be certified, and the CNs that the same key is certified under."""

    cn: str
    others: tuple[str, ...]


@rule("reused-key", "warning", "one key, one device (peers.md C14)", allow=True)
def reused_key(subject: SameKey) -> Violation | None:
    """The key is certified already under another name: was a machine cloned, or restored?"""
    if not subject.others:
        return None
    return Violation(
        f"the key of '{subject.cn}' is certified already as {', '.join(subject.others)}: "
        "a cloned machine or a restored configuration?",
        "make a new key on one of the devices; --allow reused-key records that it is meant",
    )


class Batch:
    """One call of ``sign``: what it signs with, and what came of each source."""

    def __init__(self, home: Home, delivery: Delivery, *, dry_run: bool) -> None:
        self.home = home
        self.delivery = delivery
        self.dry_run = dry_run
        self.ca: CA = home.ca("issuing")
        self.chain: Chain = delivering.chain_of(home)
        self.signed: list[Signed] = []
        self.skipped: list[Skipped] = []
        self.refused: list[Refused] = []
        self.ignored: list[str] = []
        self._profiles: dict[str, Profile] = {}
        self._ca_subjects = tuple(
            each.issuer.facts.subject for each in home.cas() if each.issuer.facts
        )
        self._keys: dict[bytes, dict[str, None]] = {}

    # judging

    def judge(self, source: Source) -> Candidate:
        """Read a source and prepare its certificate; nothing is written.

        Raises:
            CAError: it is refused.
        """
        request = read_request(source.read())
        wishes = source.wishes
        profile = self._profile(wishes.profile)
        prepared = prepare(
            Order(
                request=request,
                profile=profile,
                issuer=self.ca.issuer,
                wishes=wishes,
                now=self.home.now(),
                serial=self.home.new_serial(),
                ca_subjects=self._ca_subjects,
            )
        )
        superseded = find(self.home, wishes.supersedes).row.plan_id if wishes.supersedes else None
        target = self.home.library.target(wishes.target or self.home.target)
        cn = next(each.value for each in prepared.subject if each.type == "CN")
        findings = [*prepared.findings, *judge_at_target(request, target)]
        findings += self._judge_key(prepared, cn, wishes)
        return Candidate(
            source,
            source.stem or delivering.file_safe(wishes.device or cn),
            request,
            profile,
            prepared,
            tuple(findings),
            superseded,
            None
            if wishes.again or superseded is not None
            else self._good(request, profile, prepared, wishes),
        )

    def _profile(self, name: str) -> Profile:
        if name not in self._profiles:
            profile = self.home.library.profile(name)
            if profile.role != "end-entity":
                raise PolicyError(
                    f"profile {name} has the role {profile.role}, which no request is signed by",
                    hint="'sipca profile list' shows the profiles",
                )
            self._profiles[name] = profile
        return self._profiles[name]

    def _judge_key(self, prepared: Prepared, cn: str, wishes: SigningWishes) -> list[Finding]:
        known = self._keys.setdefault(prepared.key.identity, {})
        for row in certificates.by_key(self.home.store, prepared.key.identity):
            if row.status(self.home.now()) in CURRENT:
                known.setdefault(read_certificate(row.der).cn or row.serial.hex())
        others = tuple(name for name in known if name.casefold() != cn.casefold())
        known.setdefault(cn)
        return run([reused_key], SameKey(cn, others), wishes.allow)

    def _good(
        self,
        request: CertificateRequest,
        profile: Profile,
        prepared: Prepared,
        wishes: SigningWishes,
    ) -> CertificateRow | None:
        """The newest certificate that is what would be signed now, if it is good for a while yet."""
        now = self.home.now()
        for row in certificates.by_request(self.home.store, sha256(request.der).digest()):
            if (
                row.issuer_id != self.ca.issuer.id
                or row.profile_sha256 != profile.text_hash
                or row.lifetime != lifetime_text(wishes)
                or row.status(now) not in CURRENT
                or (wishes.device or row.device or "").casefold() != (row.device or "").casefold()
                or wishes.context not in (None, row.context)
            ):
                continue
            facts = read_certificate(row.der)
            left = facts.validity.not_after - now
            whole = facts.validity.not_after - facts.validity.not_before
            same_names = facts.subject == prepared.subject and facts.san == prepared.san
            if same_names and left > min(RENEW_BEFORE, whole / 3):
                return row
        return None

    # what comes of a source

    def refuse(self, source: Source, error: CAError) -> None:
        """Enter a refusal."""
        self.refused.append(
            Refused(source.label, error.kind, error.message, error.hint, EXIT_CODES[error.kind])
        )

    def hand_out_again(self, candidate: Candidate) -> None:
        """A certificate that is there already; its files are written if they are not."""
        assert candidate.good is not None
        row = candidate.good
        files = self._deliver(candidate, row.der)
        until = read_certificate(row.der).validity.not_after
        shared = self._entry(candidate, row.der, files)
        shared |= {
            "device": row.device,
            "context": row.context,
            "account": recording.unpack_account(row.account),
        }
        reason = f"signed already and good until {until:%Y-%m-%d}; --again signs anew"
        self.skipped.append(Skipped(**shared, reason=reason))

    def enter_signed(self, candidate: Candidate, der: bytes | None) -> None:
        """A certificate just made, or (None, dry run) that would be."""
        files = self._deliver(candidate, der) if der is not None else Files()
        self.signed.append(Signed(**self._entry(candidate, der, files)))

    def _deliver(self, candidate: Candidate, der: bytes) -> Files:
        if self.dry_run:
            return Files()
        try:
            return delivering.deliver(
                self.delivery,
                candidate.stem,
                candidate.source.wishes.context,
                pem.encode(der),
                self.chain,
            )
        except CAError as error:
            error.hint = (
                f"the certificate is in the register; mend this and run again: {error.hint or ''}"
            )
            raise

    def _entry(self, candidate: Candidate, der: bytes | None, files: Files) -> dict[str, Any]:
        prepared = candidate.prepared
        facts = read_certificate(der) if der is not None else None
        validity = facts.validity if facts else prepared.validity
        return {
            "source": candidate.source.label,
            "serial": facts.serial if facts else None,
            "subject": subject_text(prepared.subject),
            "san": [str(name) for name in prepared.san],
            "profile": candidate.profile.name,
            "device": candidate.source.wishes.device,
            "context": candidate.source.wishes.context,
            "issuer": self.ca.issuer.name,
            "not_before": validity.not_before,
            "not_after": validity.not_after,
            "fingerprint": facts.fingerprint if facts else None,
            "certificate_pem": pem.encode(der) if der is not None else None,
            "chain_pem": self.chain.trusted,
            "root_pem": self.chain.root,
            "files": files,
            "account": list(prepared.account),
            "findings": list(candidate.findings),
        }

    def document(self) -> SigningDocument:
        """What came of the whole call."""
        return SigningDocument(
            ca=self.home.name,
            home=str(self.home.path),
            dry_run=self.dry_run,
            signed=self.signed,
            skipped=self.skipped,
            refused=self.refused,
            ignored=self.ignored,
        )


def sign(
    home: Home,
    sources: Iterable[Source],
    *,
    delivery: Delivery,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> SigningDocument:
    """Sign what is not signed already; each source is judged on its own.

    Raises:
        ConflictError: a file that would be written holds something else; nothing was signed.
        KeyUnavailableError: the issuing key cannot be opened; nothing was signed.
        StoreError: the register or a folder cannot be written.
    """
    batch = Batch(home, delivery, dry_run=dry_run)
    sources = list(sources)
    _refuse_conflicts(batch, sources)
    if not dry_run:
        _abandon_leftovers(home)
    waiting = iter(sources)
    while chunk := list(islice(waiting, CHUNK)):
        candidates = list(_judged(batch, chunk))
        _sign_chunk(batch, candidates)
        progress(len(chunk))
    return batch.document()


def _judged(batch: Batch, sources: list[Source]) -> Iterator[Candidate]:
    for source in sources:
        try:
            yield batch.judge(source)
        except MalformedError as error:
            if source.must_be_request:
                batch.refuse(source, error)
            else:
                batch.ignored.append(source.label)
        except CAError as error:
            batch.refuse(source, error)


def _sign_chunk(batch: Batch, candidates: list[Candidate]) -> None:
    home = batch.home
    new = [candidate for candidate in candidates if candidate.good is None]
    results: dict[int, bytes | None] = {id(candidate): None for candidate in new}
    if new and not batch.dry_run:
        signer = home.signer(batch.ca)
        drafts = [_draft(batch, candidate) for candidate in new]
        with home.store.write():
            numbers = recording.write_plans(home, drafts)
        home.step("planned")
        issued = [issue(draft.prepared.tbs, signer, batch.ca.issuer.key) for draft in drafts]
        home.step("signed")
        with home.store.write():
            for number, draft, made in zip(numbers, drafts, issued, strict=True):
                recording.write_result(home, number, draft, made)
        home.step("recorded")
        results = {id(c): made.der for c, made in zip(new, issued, strict=True)}
    for candidate in candidates:
        if candidate.good is not None:
            batch.hand_out_again(candidate)
        else:
            batch.enter_signed(candidate, results[id(candidate)])
        home.step("delivered")


def _draft(batch: Batch, candidate: Candidate) -> recording.Draft:
    wishes = candidate.source.wishes
    overridden = {f.code for f in candidate.findings} & wishes.allow
    return recording.Draft(
        prepared=candidate.prepared,
        profile=candidate.profile,
        issuer_id=batch.ca.issuer.id,
        lifetime=lifetime_text(wishes),
        source=candidate.source.label,
        request_der=candidate.request.der,
        device=wishes.device,
        context=wishes.context,
        supersedes=candidate.supersedes,
        overrides=tuple(sorted(overridden)),
    )


def lifetime_text(wishes: SigningWishes) -> str:
    """The wished lifetime in one spelling, for comparing with an earlier wish."""
    wished = wishes.lifetime
    if wished is None:
        return "default"
    if isinstance(wished, timedelta):
        return f"{wished // timedelta(hours=1)}h"
    return wished if isinstance(wished, str) else wished.strftime("%Y-%m-%d")


def _abandon_leftovers(home: Home) -> None:
    """Plans that a crash left without a result: their serials stay used for ever."""
    now = home.now()
    left = plans.open_plans(home.store, before=now - plans.ABANDON_AFTER)
    if not left:
        return
    with home.store.write():
        for number, serial in plans.open_plans(home.store, before=now - plans.ABANDON_AFTER):
            plans.abandon(home.store, number, "left by an interrupted run", at=now)
            detail = {"serial": serial.hex(), "reason": "left by an interrupted run"}
            home.record(Event("abandoned", serial.hex(), detail, "abandonment", number))


def _refuse_conflicts(batch: Batch, sources: list[Source]) -> None:
    """Before anything is signed: no two sources write one file, and no file is in the way.

    Raises:
        ConflictError: naming them.
    """
    delivery = batch.delivery
    delivering.refuse_foreign_trust_files(delivery, batch.chain)
    seen: dict[str, Source] = {}
    for source in sources:
        if source.stem is None or delivery.folder is None:
            continue
        name = delivering.device_name(source.stem, source.wishes.context).casefold()
        if name in seen:
            raise ConflictError(
                f"'{seen[name].label}' and '{source.label}' would both be written to '{name}'",
                hint="rename one, or sign them into different folders",
            )
        seen[name] = source
    if delivery.overwrite:
        return
    in_the_way = [path for source in sources for path in _blocked(batch, source)]
    if in_the_way:
        shown = ", ".join(f"'{path}'" for path in in_the_way[:5])
        more = f" and {len(in_the_way) - 5} more" if len(in_the_way) > 5 else ""
        raise ConflictError(
            f"{shown}{more} would be replaced by another certificate; nothing was signed",
            hint="--overwrite replaces files, or choose another --out",
        )


def _blocked(batch: Batch, source: Source) -> list[Path]:
    stem, delivery = source.stem, batch.delivery
    if delivery.file is None and delivery.folder is None:
        return []
    if stem is not None:
        paths = delivering.taken_paths(delivery, stem, source.wishes.context)
        if not any(path.exists() for path in paths):
            return []
    try:
        candidate = batch.judge(source)
    except CAError:
        return []  # it is refused later, and writes nothing
    paths = delivering.taken_paths(delivery, candidate.stem, source.wishes.context)
    if candidate.good is None:
        return [path for path in paths if path.exists()]
    texts = delivering.contents(delivery, pem.encode(candidate.good.der), batch.chain)
    return [p for p, text in zip(paths, texts, strict=False) if conflicts(p, text.encode())]
