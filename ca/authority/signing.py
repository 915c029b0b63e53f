"""Signing requests: one or many, each judged on its own, skipped where nothing would change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ca.authority import delivery as delivering
from ca.authority import recording, upkeep
from ca.authority.delivery import Chain, Delivery
from ca.authority.home import CA, Home
from ca.authority.judging import Candidate, Judge, Source, lifetime_text
from ca.documents.exits import EXIT_CODES
from ca.documents.signing import Files, Refused, Signed, SigningDocument, Skipped
from ca.encoding import pem
from ca.encoding.certificates import read_certificate, serial_text
from ca.errors import CAError, ConflictError, MalformedError
from ca.files import conflicts
from ca.issuance.issue import Issued, issue
from ca.model.certificates import subject_text
from ca.store import devices, plans
from ca.store.audit import Event

if TYPE_CHECKING:
    from ca.authority.workers import Workers

CHUNK = 64
"""Plans committed together before the first of them is signed."""


class Batch:
    """One call of ``sign``: what it signs with, and what came of each source."""

    def __init__(
        self, home: Home, delivery: Delivery, *, dry_run: bool, workers: Workers | None = None
    ) -> None:
        self.home = home
        self.workers = workers
        self.delivery = delivery
        self.dry_run = dry_run
        self.judge = Judge(home)
        self.ca: CA = self.judge.ca
        self.chain: Chain = delivering.chain_of(home)
        self._trust_delivered = False
        self.signed: list[Signed] = []
        self.skipped: list[Skipped] = []
        self.refused: list[Refused] = []
        self.ignored: list[str] = []

    def refuse(self, source: Source, error: CAError) -> None:
        """Enter a refusal."""
        self.refused.append(
            Refused(source.label, error.kind, error.message, error.hint, EXIT_CODES[error.kind])
        )

    def enter_skipped(self, candidate: Candidate, files: Files) -> None:
        """A certificate that is there already; its files were written if they were not."""
        assert candidate.good is not None
        row = candidate.good
        until = read_certificate(row.der).validity.not_after
        shared = self._entry(candidate, row.der, files)
        shared |= {
            "device": row.device,
            "context": row.context,
            "account": recording.unpack_account(row.account),
        }
        reason = f"signed already and good until {until:%Y-%m-%d}; --again signs anew"
        self.skipped.append(Skipped(**shared, reason=reason))

    def enter_signed(self, candidate: Candidate, der: bytes | None, files: Files) -> None:
        """A certificate just made, or (None, dry run) that would be."""
        self.signed.append(Signed(**self._entry(candidate, der, files)))

    def deliver_all(
        self, candidates: list[Candidate], ders: list[bytes | None]
    ) -> list[Files | CAError]:
        """Write the files of a chunk; each that fails has its error in its place."""
        done = [self._delivered(*each) for each in zip(candidates, ders, strict=True)]
        if not self.dry_run:
            delivering.settle(self.delivery)
        return done

    def _delivered(self, candidate: Candidate, der: bytes | None) -> Files | CAError:
        try:
            return Files() if der is None else self._deliver(candidate, der)
        except CAError as error:
            return error

    def _deliver(self, candidate: Candidate, der: bytes) -> Files:
        if self.dry_run:
            return Files()
        try:
            if not self._trust_delivered:
                delivering.deliver_trust(self.delivery, self.chain)
                self._trust_delivered = True
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
        facts = read_certificate(der) if candidate.good is not None and der else None
        validity = facts.validity if facts else prepared.validity
        serial = facts.serial if facts else serial_text(prepared.serial)
        return {
            "source": candidate.source.label,
            "serial": None if der is None else serial,
            "subject": subject_text(prepared.subject),
            "san": [str(name) for name in prepared.san],
            "profile": candidate.profile.name,
            "device": candidate.source.wishes.device,
            "context": candidate.source.wishes.context,
            "issuer": self.ca.issuer.name,
            "not_before": validity.not_before,
            "not_after": validity.not_after,
            "fingerprint": None if der is None else sha256(der).hexdigest(),
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
    jobs: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> SigningDocument:
    """Sign what is not signed already; each source is judged on its own.

    With ``jobs``, so many processes beside this one read, lint and sign; the register, and
    whether a key was seen before, stay in this one.

    Raises:
        ConflictError: a file that would be written holds something else; nothing was signed.
        KeyUnavailableError: the issuing key cannot be opened; nothing was signed.
        StoreError: the register or a folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        workers = None
        if jobs > 1:
            from ca.authority.workers import Workers

            workers = stack.enter_context(Workers(jobs))
        batch = Batch(home, delivery, dry_run=dry_run, workers=workers)
        sources = [_completed(home, source) for source in sources]
        _refuse_conflicts(batch, sources)
        if not dry_run:
            _abandon_leftovers(home)
        for size, candidates in _chunks(batch, sources):
            _sign_chunk(batch, candidates)
            progress(size)
    upkeep.rotate_due(home)
    return batch.document()


def _chunks(batch: Batch, sources: list[Source]) -> Iterator[tuple[int, list[Candidate]]]:
    """Sources in chunks, judged; with workers the next chunk is on its way meanwhile."""
    chunks = [sources[start : start + CHUNK] for start in range(0, len(sources), CHUNK)]
    if batch.workers is None:
        for chunk in chunks:
            yield len(chunk), list(_judged(batch, chunk))
        return
    from ca.authority.parallel import Ahead

    ahead = Ahead(batch.judge, batch.workers)
    for number, chunk in enumerate(chunks):
        ahead.send(chunk)
        if number + 1 < len(chunks):
            ahead.send(chunks[number + 1])
        yield len(chunk), list(_judged(batch, chunk, ahead.candidate))


def _completed(home: Home, source: Source) -> Source:
    """The source with context and target of its device, where the call leaves them out."""
    wishes = source.wishes
    known = devices.device(home.store, wishes.device) if wishes.device else None
    if known is None:
        return source
    context = known.context if wishes.context is None else wishes.context
    wishes = msgspec.structs.replace(
        wishes, device=known.name, context=context, target=wishes.target or known.target
    )
    return msgspec.structs.replace(source, wishes=wishes)


def _judged(
    batch: Batch, sources: list[Source], candidate: Callable[[Source], Candidate] | None = None
) -> Iterator[Candidate]:
    judge = candidate or batch.judge.candidate
    for source in sources:
        try:
            yield judge(source)
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
        home.signer(batch.ca)
        with home.store.write():
            candidates = _still_allowed(batch, candidates)
            new = [candidate for candidate in candidates if candidate.good is None]
            drafts = [_draft(batch, candidate) for candidate in new]
            numbers = recording.write_plans(home, drafts)
        home.step("planned")
        issued = _issued(batch, [draft.prepared.tbs for draft in drafts])
        home.step("signed")
        with home.store.write():
            for number, draft, made in zip(numbers, drafts, issued, strict=True):
                recording.write_result(home, number, draft, made)
        home.step("recorded")
        results = {id(c): made.der for c, made in zip(new, issued, strict=True)}
    elif not batch.dry_run:
        with home.store.snapshot():
            candidates = _still_allowed(batch, candidates)
    ders = [results[id(c)] if c.good is None else c.good.der for c in candidates]
    delivered = batch.deliver_all(candidates, ders)
    for candidate, der, files in zip(candidates, ders, delivered, strict=True):
        if isinstance(files, CAError):  # only the files failed: the certificate is registered
            batch.refuse(candidate.source, files)
        elif candidate.good is not None:
            batch.enter_skipped(candidate, files)
        else:
            batch.enter_signed(candidate, der, files)
        home.step("delivered")


def _issued(batch: Batch, planned: list[bytes]) -> list[Issued]:
    signer, key = batch.home.signer(batch.ca), batch.ca.issuer.key
    if batch.workers is None:
        return [issue(tbs, signer, key) for tbs in planned]
    from ca.authority.workers import Opening

    passphrase = batch.home.passphrase_of(batch.ca)
    return batch.workers.sign(Opening(batch.ca.key, passphrase, key), planned)


def _still_allowed(batch: Batch, candidates: list[Candidate]) -> list[Candidate]:
    """The candidates that no revocation made since they were judged forbids."""
    allowed = []
    for candidate in candidates:
        try:
            batch.judge.check_not_revoked(candidate)
        except CAError as error:
            batch.refuse(candidate.source, error)
        else:
            allowed.append(candidate)
    return allowed


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
        candidate = batch.judge.candidate(source)
    except CAError:
        return []  # it is refused later, and writes nothing
    paths = delivering.taken_paths(delivery, candidate.stem, source.wishes.context)
    if candidate.good is None:
        return [path for path in paths if path.exists()]
    texts = delivering.contents(delivery, pem.encode(candidate.good.der), batch.chain)
    return [p for p, text in zip(paths, texts, strict=False) if conflicts(p, text.encode())]
