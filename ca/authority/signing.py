"""Signing requests: one or many, each judged on its own, skipped where nothing would change."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from ca.authority import delivery as delivering
from ca.authority import recording, upkeep
from ca.authority.batch import Batch, Delivered, Watch
from ca.authority.crew import Crew, Made, Opening, Pending
from ca.authority.delivery import Delivery
from ca.authority.home import Home
from ca.authority.judging import Candidate, Source, lifetime_text
from ca.authority.preparing import Job, Outcome, Ready
from ca.documents.signing import SigningDocument
from ca.encoding import pem
from ca.errors import CAError, ConflictError
from ca.files import conflicts
from ca.lint.factoring import MOST_AT_ONCE
from ca.store import certificates, devices, plans
from ca.store.audit import Event

T = TypeVar("T")
AWAIT_OTHERS, PAUSE = timedelta(seconds=2), timedelta(milliseconds=20)
"""How long a request that another process is signing is waited for, and in which steps."""
CHUNK = 256
"""Plans committed together before the first of them is signed."""


class Planned(msgspec.Struct, frozen=True):
    """A chunk whose plans are committed and on their way to be signed."""

    size: int
    candidates: list[Candidate]
    drafts: list[recording.Draft]
    numbers: Sequence[int]
    made: Pending[list[Made]]


class Recorded(msgspec.Struct, frozen=True):
    """A chunk whose certificates are in the register, its files on their way to the disk."""

    size: int
    candidates: list[Candidate]
    made: list[Made | None]
    files: Delivered


def sign(
    home: Home,
    sources: Sequence[Source],
    *,
    delivery: Delivery,
    dry_run: bool = False,
    jobs: int = 1,
    watch: Watch = Watch(),  # noqa: B008 - frozen
) -> SigningDocument:
    """Sign what is not signed already; each source is judged on its own.

    With ``jobs``, so many processes beside this one read, lint, sign and write files; the
    register, and whether a key was seen before, stay in this one. When ``watch`` says stop, what
    is in hand is finished, and the document says how many sources were not looked at.

    Raises:
        ConflictError: a file that would be written holds something else; nothing was signed.
        KeyUnavailableError: the issuing key cannot be opened; nothing was signed.
        StoreError: the register or a folder cannot be written.
    """
    home.assert_sound()
    with _crew(home, jobs) as crew:
        batch = Batch(home, delivery, crew, dry_run=dry_run, hand_on=watch.hand_on)
        batch.judge.thorough = len(sources) <= MOST_AT_ONCE
        sources = [_completed(home, source) for source in sources]
        _refuse_conflicts(batch, sources)
        if not dry_run:
            _abandon_leftovers(home)
        left = sources
        while left:
            _sign_all(batch, left, watch)
            left = batch.take_up_deferred()
            _await_others(batch)
    upkeep.rotate_due(home)
    return batch.document()


def _await_others(batch: Batch) -> None:
    """Give another process that signs the same requests time to record them."""
    for _ in range(AWAIT_OTHERS // PAUSE):
        if not plans.being_signed(batch.home.store, list(batch.awaited)):
            break
        batch.home.pause(PAUSE)
    batch.awaited.clear()


def _crew(home: Home, jobs: int) -> Crew:
    ca = home.ca("issuing")
    if jobs == 1:
        return Crew(lambda: home.signer(ca), ca.issuer.key)
    from ca.authority.workers import Workers

    def opening() -> Opening:
        return Opening(ca.key, home.passphrase_of(ca), ca.issuer.key)

    return Workers(jobs, lambda: home.signer(ca), ca.issuer.key, opening)


def _sign_all(batch: Batch, sources: list[Source], watch: Watch) -> None:
    """Chunk by chunk through all steps; a crew of several has the next ones in hand meanwhile."""
    crew = batch.crew
    chunks = _chunks(batch, sources, watch)
    prepared = _ahead((_prepare(batch, chunk) for chunk in chunks), crew.ahead)
    recorded: deque[Recorded] = deque()
    try:
        for each in _ahead((_plan(batch, *each) for each in prepared), crew.ahead):
            recorded.append(_record(batch, each))
            if len(recorded) > 1:
                _finish(batch, recorded.popleft(), watch)
    finally:  # what is in the register is told, whatever came in between
        while recorded:
            _finish(batch, recorded.popleft(), watch)


def _finish(batch: Batch, chunk: Recorded, watch: Watch) -> None:
    _enter(batch, chunk)
    watch.progress(chunk.size)


def _chunks(batch: Batch, sources: list[Source], watch: Watch) -> Iterator[list[Source]]:
    for start in range(0, len(sources), CHUNK):
        if watch.stop():
            batch.left += len(sources) - start
            return
        yield sources[start : start + CHUNK]


def _ahead(items: Iterator[T], count: int) -> Iterator[T]:
    """The items, with so many more taken before each is handed on."""
    waiting: deque[T] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


def _prepare(batch: Batch, sources: list[Source]) -> tuple[list[Source], Pending[list[Outcome]]]:
    """Have a chunk read and prepared; what cannot even be read is told in its place."""
    found: list[Job | CAError] = []
    for source in sources:
        try:
            found.append(batch.judge.job(source))
        except CAError as error:
            found.append(error)
    jobs = [each for each in found if not isinstance(each, CAError)]
    pending = batch.crew.prepare(batch.judge.terms(), jobs)

    def all_outcomes() -> list[Outcome]:
        outcomes = iter(pending())
        return [each if isinstance(each, CAError) else next(outcomes) for each in found]

    return sources, all_outcomes


def _judged(batch: Batch, sources: list[Source], outcomes: list[Outcome]) -> Iterator[Candidate]:
    """The candidates of a chunk; what is refused is entered, what is repeated put off."""
    known = batch.judge.known([each for each in outcomes if isinstance(each, Ready)])
    for source, outcome in zip(sources, outcomes, strict=True):
        if isinstance(outcome, CAError):
            batch.refuse(source, outcome)
        elif batch.is_repeated(source, outcome):
            batch.deferred.append(source)
        else:
            try:
                yield batch.judge.judged(source, outcome, known)
            except CAError as error:
                batch.refuse(source, error)


def _plan(batch: Batch, sources: list[Source], outcomes: Pending[list[Outcome]]) -> Planned:
    """Judge a chunk beside the register, commit its plans, have them signed."""
    home = batch.home
    before = len(batch.deferred)
    candidates = list(_judged(batch, sources, outcomes()))
    done = len(sources) - (len(batch.deferred) - before)
    drafts: list[recording.Draft] = []
    numbers: Sequence[int] = ()
    made: Pending[list[Made]] = list
    if batch.dry_run:
        pass
    elif all(candidate.good is not None for candidate in candidates):
        with home.store.snapshot():
            candidates = _still_allowed(batch, candidates)
    else:
        home.signer(batch.ca)  # asks for the passphrase, outside any transaction
        with home.store.write():
            candidates = list(_unsigned_yet(batch, _still_allowed(batch, candidates)))
            drafts = [_draft(batch, each) for each in candidates if each.good is None]
            numbers = recording.write_plans(home, drafts)
        home.step("planned")
        made = batch.crew.sign([draft.prepared.tbs for draft in drafts])
    return Planned(done, candidates, drafts, numbers, made)


def _record(batch: Batch, chunk: Planned) -> Recorded:
    """Record the results of a chunk in one transaction, have its files written."""
    home = batch.home
    signed = chunk.made()
    if chunk.drafts:
        home.step("signed")
        with home.store.write():
            signatures = [each.signature for each in signed]
            recording.write_results(home, chunk.numbers, chunk.drafts, signatures)
        home.step("recorded")
    new = iter(signed)
    made = [
        None if batch.dry_run or each.good is not None else next(new) for each in chunk.candidates
    ]
    pems = [
        one.pem if one is not None else pem.encode(each.good.der) if each.good is not None else ""
        for each, one in zip(chunk.candidates, made, strict=True)
    ]
    return Recorded(chunk.size, chunk.candidates, made, batch.deliver(chunk.candidates, pems))


def _enter(batch: Batch, chunk: Recorded) -> None:
    for candidate, made, files in zip(chunk.candidates, chunk.made, chunk.files(), strict=True):
        if isinstance(files, CAError):  # only the files failed: the certificate is registered
            batch.refuse(candidate.source, files)
        else:
            batch.enter(candidate, made, files)
        batch.home.step("delivered")


def _still_allowed(batch: Batch, candidates: list[Candidate]) -> list[Candidate]:
    """The candidates that no revocation made since they were judged forbids."""
    forbidding = batch.judge.forbidding([candidate.ready for candidate in candidates])
    allowed = []
    for candidate in candidates:
        try:
            forbidding.check(candidate.prepared)
            batch.judge.check_good(candidate)
        except CAError as error:
            batch.refuse(candidate.source, error)
        else:
            allowed.append(candidate)
    return allowed


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


def _unsigned_yet(batch: Batch, candidates: list[Candidate]) -> Iterator[Candidate]:
    """The candidates, beside what another process has planned or signed since they were judged."""
    hashes = [
        each.ready.request_hash
        for each in candidates
        if each.good is None and not each.source.wishes.again
    ]
    known = certificates.known_requests(batch.home.store, hashes)
    busy = plans.being_signed(batch.home.store, list(known))
    for candidate in candidates:
        if candidate.good is not None or candidate.ready.request_hash not in known:
            yield candidate
        elif (now := batch.judge.judged_again(candidate)).good is not None:
            yield now
        elif candidate.ready.request_hash not in busy or not batch.put_off(candidate):
            yield candidate


def _draft(batch: Batch, candidate: Candidate) -> recording.Draft:
    wishes = candidate.source.wishes
    overridden = {f.code for f in candidate.findings} & wishes.allow
    return recording.Draft(
        prepared=candidate.prepared,
        profile=candidate.profile,
        issuer_id=batch.ca.issuer.id,
        lifetime=lifetime_text(wishes),
        source=candidate.source.label,
        request_der=candidate.ready.request,
        device=wishes.device,
        context=wishes.context,
        supersedes=candidate.supersedes,
        overrides=tuple(sorted(overridden)),
        account=candidate.ready.account,
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
    if not batch.dry_run:
        delivering.check_place(delivery)
    delivering.refuse_foreign_trust_files(delivery, batch.chain)
    seen: dict[str, Source] = {}
    for source in sources:
        stem = delivering.stem_of(source.stem)
        if stem is None or delivery.folder is None:
            continue
        name = delivering.device_name(stem, source.wishes.context).casefold()
        if name in seen and not seen[name].holds_request():
            del seen[name]  # a key or a note of the same name: it is ignored later
        if name in seen and source.holds_request():
            raise ConflictError(
                f"'{seen[name].label}' and '{source.label}' would both be written to '{name}'",
                hint="rename one, or sign them into different folders",
            )
        seen.setdefault(name, source)
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
    stem, delivery = delivering.stem_of(source.stem), batch.delivery
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
