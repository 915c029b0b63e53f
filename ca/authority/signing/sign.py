"""Signing requests: one or many, each judged on its own, skipped where nothing would change."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

import msgspec

from ca.authority import register, upload_files
from ca.authority.home import Home
from ca.authority.signing import places
from ca.authority.signing.batch import Batch, Watch, mendable
from ca.authority.signing.commit import (
    Planned,
    Recorded,
    abandon_leftovers,
    committed,
    record,
    still_allowed,
)
from ca.authority.signing.crew import Answered, Crew, Opening, Pending
from ca.authority.signing.judge import Candidate, Known, Source
from ca.authority.signing.prepare import Outcome, Ready
from ca.authority.status import upkeep
from ca.authority.upload_files import Delivery
from ca.documents.sign import SigningDocument
from ca.errors import BugError, CAError, attempt
from ca.lint.factoring import MOST_AT_ONCE
from ca.store import devices, plans

T = TypeVar("T")
AWAIT_OTHERS, PAUSE = timedelta(seconds=2), timedelta(milliseconds=20)
"""How long a request that another process is signing is waited for, and in which steps."""
CHUNK = 256
"""Plans committed together before the first of them is signed."""


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

    Whatever is raised for one source is its refusal, a bug of ours included, and a file in the
    way of one is that one's conflict; the others go on.

    With ``jobs``, so many processes beside this one read, lint, sign and write files; the
    register, and whether a key was seen before, stay in this one. When ``watch`` says stop, what
    is in hand is finished, and the document says how many sources were not looked at.

    Raises:
        ConflictError: two sources would go to one file, or the folder holds another CA's trust
            files; nothing was signed.
        KeyUnavailableError: the issuing key cannot be opened; nothing was signed.
        StoreError: the register or a folder cannot be written.
    """
    home.assert_sound()
    with (
        _crew(home, jobs) as crew,
        contextlib.closing(
            Batch(home, delivery, crew, dry_run=dry_run, hand_on=watch.hand_on)
        ) as batch,
    ):
        batch.judge.thorough = len(sources) <= MOST_AT_ONCE
        left = list(_completed(batch, sources))
        if not dry_run:
            upload_files.check_place(delivery)
        places.check_places(delivery, batch.place.chain, left)
        if not dry_run:
            abandon_leftovers(home)
        while left:
            _sign_all(batch, left, watch)
            left = batch.repeats.take_up()
            _await_others(batch)
    upkeep.rotate_due(home)
    return batch.results.document(dry_run=dry_run)


def _await_others(batch: Batch) -> None:
    """Give another process that signs the same requests time to record them."""
    for _ in range(AWAIT_OTHERS // PAUSE):
        if not plans.being_signed(batch.home.store, list(batch.repeats.awaited)):
            break
        batch.home.pause(PAUSE)
    batch.repeats.awaited.clear()


def _crew(home: Home, jobs: int) -> Crew:
    ca = home.ca("issuing")
    if jobs == 1:
        return Crew(lambda: home.signer(ca), ca.issuer.key)
    from ca.authority.signing.workers import Workers

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
        for planned in _ahead((_plan(batch, *chunk) for chunk in prepared), crew.ahead):
            recorded.append(record(batch, planned))
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
            batch.results.left += len(sources) - start
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
    jobs_or_errors = [attempt(batch.judge.job, source) for source in sources]
    jobs = [each for each in jobs_or_errors if not isinstance(each, CAError)]
    pending = batch.crew.prepare(batch.judge.terms(), jobs)

    def all_outcomes() -> list[Outcome]:
        outcomes = iter(pending())
        return [each if isinstance(each, CAError) else next(outcomes) for each in jobs_or_errors]

    return sources, all_outcomes


def _judged(batch: Batch, sources: list[Source], outcomes: list[Outcome]) -> Iterator[Candidate]:
    """The candidates of a chunk; what is refused is entered, what is repeated put off."""
    known = attempt(batch.judge.known, [each for each in outcomes if isinstance(each, Ready)])
    for source, outcome in zip(sources, outcomes, strict=True):
        if isinstance(outcome, CAError):
            batch.results.refuse(source, outcome)
        elif batch.dry_run or not batch.repeats.is_repeated(source, outcome):
            found = attempt(_beside, batch, source, outcome, known)
            if isinstance(found, CAError):
                batch.results.refuse(source, found)
            else:
                yield found


def _beside(batch: Batch, source: Source, ready: Ready, known: Known | CAError) -> Candidate:
    """A request beside the register; alone, if looking a whole chunk up at once failed."""
    if isinstance(known, CAError):
        known = batch.judge.known([ready])
    return batch.judge.judged(source, ready, known)


def _plan(batch: Batch, sources: list[Source], outcomes: Pending[list[Outcome]]) -> Planned:
    """Judge a chunk beside the register, commit its plans, have them signed."""
    home = batch.home
    before = len(batch.repeats.deferred)
    candidates = batch.unobstructed(_judged(batch, sources, outcomes()))
    done = len(sources) - (len(batch.repeats.deferred) - before)
    drafts: list[register.Draft] = []
    numbers: list[int] = []
    made: Pending[list[Answered]] = list
    if batch.dry_run:
        pass
    elif all(candidate.good is not None for candidate in candidates):
        candidates = batch.in_place(candidates)
        with home.store.snapshot():
            candidates = still_allowed(batch, candidates)
    else:
        home.signer(batch.judge.ca)  # asks for the passphrase, outside any lock or transaction
        candidates, drafts, numbers = committed(batch, batch.in_place(candidates))
        home.step("planned")
        made = batch.crew.sign([draft.prepared.tbs for draft in drafts])
    return Planned(done, candidates, drafts, numbers, made)


def _enter(batch: Batch, chunk: Recorded) -> None:
    written = chunk.files()
    batch.place.leave()  # whoever reads what is told now may be slow: others need not wait for it
    for candidate, made, files in zip(chunk.candidates, chunk.made, written, strict=True):
        if isinstance(files, CAError):  # only the files failed: the certificate is registered
            batch.results.refuse(candidate.source, files)
        else:
            failure = attempt(batch.results.enter, candidate, made, files)
            if isinstance(failure, BugError):
                batch.results.refuse(candidate.source, mendable(failure))
            elif failure is not None:
                raise failure
        batch.home.step("delivered")


def _completed(batch: Batch, sources: Sequence[Source]) -> Iterator[Source]:
    """The sources, each with context and target of its device where the call leaves them out."""
    for source in sources:
        completed = attempt(_with_device, batch.home, source)
        if isinstance(completed, CAError):
            batch.results.refuse(source, completed)
        else:
            yield completed


def _with_device(home: Home, source: Source) -> Source:
    wishes = source.wishes
    known = devices.device(home.store, wishes.device) if wishes.device else None
    if known is None:
        return source
    context = known.context if wishes.context is None else wishes.context
    wishes = msgspec.structs.replace(
        wishes, device=known.name, context=context, target=wishes.target or known.target
    )
    return msgspec.structs.replace(source, wishes=wishes)
