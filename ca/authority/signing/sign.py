"""Sign requests, each judged on its own, and skip those where nothing would change."""

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
from ca.authority.signing.candidates import Candidate, Known, Source
from ca.authority.signing.commit import (
    Planned,
    Recorded,
    abandon_leftovers,
    committed,
    record,
    still_allowed,
)
from ca.authority.signing.crew import Answered, Crew, Pending
from ca.authority.signing.prepare import Outcome, Ready
from ca.authority.status import upkeep
from ca.authority.upload_files import Delivery
from ca.documents.sign import SigningDocument
from ca.errors import BugError, CAError, attempt
from ca.lint.factoring import MOST_AT_ONCE
from ca.store import devices, plans

T = TypeVar("T")
AWAIT_OTHERS, PAUSE = timedelta(seconds=2), timedelta(milliseconds=20)
"""How long to wait for a request that another process is signing, and in which steps."""
CHUNK = 256
"""Plans committed together before the first of them is signed."""
WORTH_CHECKER = 512
"""Requests from which a checker is forked: with fewer there is no next chunk to prepare."""


def sign(
    home: Home,
    sources: Sequence[Source],
    *,
    delivery: Delivery,
    dry_run: bool = False,
    jobs: int = 2,
    watch: Watch = Watch(),  # noqa: B008 - frozen
) -> SigningDocument:
    """Sign the sources that are not signed already; each is judged on its own.

    An error of one source, even a bug of ours or a file in its way, is that source's refusal; the
    others go on. With two ``jobs`` or more, and ``WORTH_CHECKER`` sources, signatures are verified
    and keys judged in a second process. When ``watch`` says stop, work in progress is finished, and
    the document counts the sources that were not reached.

    Raises:
        ConflictError: two sources would be written to one file, or the folder has another CA's
            trust files; nothing was signed.
        KeyUnavailableError: the issuing key cannot be opened; nothing was signed.
        StoreError: the register or a folder cannot be written.
    """
    home.assert_sound()
    with (
        _crew(home, jobs, len(sources)) as crew,
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
    if batch.results.revoked:
        from ca.authority.status.revoke import update_crls

        batch.results.pending = update_crls(home, {row.issuer_id for row in batch.results.revoked})
    upkeep.rotate_due(home)
    return batch.results.document(dry_run=dry_run)


def _await_others(batch: Batch) -> None:
    """Give another process that signs the same requests time to record them."""
    for _ in range(AWAIT_OTHERS // PAUSE):
        if not plans.being_signed(batch.home.store, list(batch.repeats.awaited)):
            break
        batch.home.pause(PAUSE)
    batch.repeats.awaited.clear()


def _crew(home: Home, jobs: int, count: int) -> Crew:
    ca = home.ca("issuing")
    checker = None
    if jobs > 1 and count >= WORTH_CHECKER:
        from ca.authority.signing.checker import forked

        checker = forked(ca.issuer.key)
    return Crew(lambda: home.signer(ca), ca.issuer.key, checker)


def _sign_all(batch: Batch, sources: list[Source], watch: Watch) -> None:
    """Take the sources through all steps, in chunks; a checker is a chunk ahead or behind."""
    crew = batch.crew
    chunks = _chunks(batch, sources, watch)
    prepared = _ahead((_prepare(batch, chunk) for chunk in chunks), crew.ahead)
    recorded: deque[Recorded] = deque()
    try:
        for planned in _ahead((_plan(batch, *chunk) for chunk in prepared), crew.ahead):
            recorded.append(record(batch, planned))
            if len(recorded) > 1:
                _finish(batch, recorded.popleft(), watch)
    finally:  # a recorded certificate is reported even after an interruption
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
    """Yield the items, taking ``ahead`` more from the iterator before each."""
    waiting: deque[T] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


def _prepare(batch: Batch, sources: list[Source]) -> tuple[list[Source], Pending[list[Outcome]]]:
    """Start preparing a chunk; a source that cannot be read yields its error at its index."""
    jobs_or_errors = [attempt(batch.judge.job, source) for source in sources]
    jobs = [each for each in jobs_or_errors if not isinstance(each, CAError)]
    pending = batch.crew.prepare(batch.judge.terms(), jobs)

    def all_outcomes() -> list[Outcome]:
        outcomes = iter(pending())
        all_of = [each if isinstance(each, CAError) else next(outcomes) for each in jobs_or_errors]
        return [batch.judge.as_kept(each) if isinstance(each, Ready) else each for each in all_of]

    return sources, all_outcomes


def _judged(batch: Batch, sources: list[Source], outcomes: list[Outcome]) -> Iterator[Candidate]:
    """The candidates of a chunk; refusals are entered, repeated requests postponed."""
    pairs = [
        (s, each) for s, each in zip(sources, outcomes, strict=True) if isinstance(each, Ready)
    ]
    known = attempt(batch.judge.known, pairs)
    for source, outcome in zip(sources, outcomes, strict=True):
        if isinstance(outcome, CAError):
            batch.results.refuse(source, outcome)
        elif batch.dry_run or not batch.repeats.is_repeated(source, outcome):
            candidate = attempt(_beside, batch, source, outcome, known)
            if isinstance(candidate, CAError):
                batch.results.refuse(source, candidate)
            else:
                yield candidate


def _beside(batch: Batch, source: Source, ready: Ready, known: Known | CAError) -> Candidate:
    """Judge a request against the register, alone if the query for the chunk failed."""
    if isinstance(known, CAError):
        known = batch.judge.known([(source, ready)])
    return batch.judge.judged(source, ready, known)


def _plan(batch: Batch, sources: list[Source], outcomes: Pending[list[Outcome]]) -> Planned:
    """Judge a chunk against the register, commit its plans and start signing them."""
    home = batch.home
    before = len(batch.repeats.deferred)
    candidates = batch.unobstructed(_judged(batch, sources, outcomes()))
    done = len(sources) - (len(batch.repeats.deferred) - before)
    drafts: list[register.Draft] = []
    numbers: list[int] = []
    signing: Pending[list[Answered]] = list
    if batch.dry_run:
        pass
    elif all(candidate.good is not None for candidate in candidates):
        candidates = batch.in_place(candidates)
        with home.store.snapshot():
            candidates = still_allowed(batch, candidates)
    else:
        home.signer(batch.judge.ca)  # may ask for the passphrase: outside any lock
        candidates, drafts, numbers = committed(batch, batch.in_place(candidates))
        home.step("planned")
        signing = batch.crew.sign([draft.prepared.tbs for draft in drafts])
    return Planned(done, candidates, drafts, numbers, signing)


def _enter(batch: Batch, chunk: Recorded) -> None:
    written = chunk.files()
    batch.place.leave()  # a reader of the results may be slow: others need not wait for it
    for candidate, signed, superseded, files in zip(
        chunk.candidates, chunk.signed, chunk.superseded, written, strict=True
    ):
        if isinstance(files, CAError):  # only the files failed: the certificate is recorded
            batch.results.refuse(candidate.source, files)
        else:
            failure = attempt(batch.results.enter, candidate, signed, superseded, files)
            if isinstance(failure, BugError):
                batch.results.refuse(candidate.source, mendable(failure))
            elif failure is not None:
                raise failure
        batch.home.step("delivered")


def _completed(batch: Batch, sources: Sequence[Source]) -> Iterator[Source]:
    """The sources, their device as it is known, with its context and target by default."""
    for source in sources:
        completed = attempt(_with_device, batch.home, source)
        if isinstance(completed, CAError):
            batch.results.refuse(source, completed)
        else:
            yield completed


def _with_device(home: Home, source: Source) -> Source:
    wishes = source.wishes
    if wishes.device is None:
        return source
    known = devices.device(home.store, wishes.device)
    if known is None:
        spelled = devices.spelled(home.store, wishes.device) or wishes.device
        return msgspec.structs.replace(
            source, wishes=msgspec.structs.replace(wishes, device=spelled)
        )
    context = known.context if wishes.context is None else wishes.context
    wishes = msgspec.structs.replace(
        wishes, device=known.name, context=context, target=wishes.target or known.target
    )
    return msgspec.structs.replace(source, wishes=wishes)
