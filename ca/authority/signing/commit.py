"""Commit plans before they are signed and results after, in chunks where possible.

If a chunk fails although the register is sound, its items are tried one by one, so that a bad one
affects only itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import msgspec

from ca.authority import register
from ca.authority.home import Home
from ca.authority.signing.batch import Batch, Delivered
from ca.authority.signing.candidates import Candidate
from ca.authority.signing.crew import Answered, Pending, SignedCertificate
from ca.authority.signing.judge import lifetime_text
from ca.encoding import pem
from ca.errors import BugError, CAError, StoreError, attempt
from ca.store import certificates, plans
from ca.store.audit import Event
from ca.store.certificates import CertificateRow


class Planned(msgspec.Struct, frozen=True):
    """A chunk whose plans are committed and on their way to be signed."""

    size: int
    candidates: list[Candidate]
    drafts: list[register.Draft]
    numbers: Sequence[int]
    signed: Pending[list[Answered]]


class Result(msgspec.Struct, frozen=True):
    """A candidate with its plan and its certificate, if it is one to be signed."""

    candidate: Candidate
    number: int = 0
    draft: register.Draft | None = None
    signed: SignedCertificate | None = None
    superseded: tuple[CertificateRow, ...] = ()


class Recorded(msgspec.Struct, frozen=True):
    """A chunk whose certificates are recorded and whose files are being written."""

    size: int
    candidates: list[Candidate]
    signed: list[SignedCertificate | None]
    superseded: list[tuple[CertificateRow, ...]]
    files: Delivered


def committed(
    batch: Batch, candidates: list[Candidate]
) -> tuple[list[Candidate], list[register.Draft], list[int]]:
    """Commit plans for the candidates to be signed, and return those that remain.

    If that fails for the chunk although the register is sound, each is tried alone.
    """
    left = candidates
    drafts: list[register.Draft] = []

    def work() -> list[int]:
        nonlocal left, drafts
        with batch.home.store.write():
            left = still_allowed(batch, left)
            left = list(_claimed(batch, _unsigned_yet(batch, left)))
            drafts = [_draft(batch, each) for each in left if each.good is None]
            return list(register.write_plans(batch.home, drafts))

    numbers = attempt(work)
    if not isinstance(numbers, CAError):
        return left, drafts, numbers
    if not isinstance(numbers, BugError):
        raise numbers
    if len(left) == 1:
        batch.results.refuse(left[0].source, numbers)
        return [], [], []
    alone = [committed(batch, [each]) for each in left]
    return (
        [each for committed_alone, _, _ in alone for each in committed_alone],
        [each for _, drafted, _ in alone for each in drafted],
        [each for _, _, planned in alone for each in planned],
    )


def record(batch: Batch, chunk: Planned) -> Recorded:
    """Record the results of a chunk in one transaction and write its files."""
    home = batch.home
    answers = iter(zip(chunk.numbers, chunk.drafts, chunk.signed(), strict=True))
    rows: list[Result] = []
    for candidate in chunk.candidates:
        if batch.dry_run or candidate.good is not None:
            rows.append(Result(candidate))
            continue
        number, draft, answer = next(answers)
        if isinstance(answer, CAError):
            _give_up(batch, Result(candidate, number, draft), answer)
        else:
            rows.append(Result(candidate, number, draft, answer))
    if chunk.drafts:
        home.step("signed")
        rows = _kept(batch, rows)
        home.step("recorded")
    candidates = [row.candidate for row in rows]
    pems = [
        row.signed.pem if row.signed is not None
        else pem.encode(row.candidate.good.der) if row.candidate.good is not None
        else ""
        for row in rows
    ]  # fmt: skip
    files = batch.deliver(candidates, pems)
    signed = [row.signed for row in rows]
    return Recorded(chunk.size, candidates, signed, [row.superseded for row in rows], files)


def _kept(batch: Batch, rows: list[Result]) -> list[Result]:
    """The candidates whose results were recorded, one by one if the chunk fails."""
    new = [row for row in rows if row.signed is not None]

    def work() -> list[list[CertificateRow]]:
        with batch.home.store.write():
            superseded = register.write_results(
                batch.home,
                [row.number for row in new],
                [row.draft for row in new if row.draft is not None],
                [row.signed.signature for row in new if row.signed is not None],
            )
            for row in new:
                if row.candidate.source.claim is not None:
                    row.candidate.source.claim.recorded(row.number)
            return superseded

    superseded = attempt(work) if new else []
    if not isinstance(superseded, CAError):
        by_number = {row.number: tuple(old) for row, old in zip(new, superseded, strict=True)}
        return [
            msgspec.structs.replace(row, superseded=by_number.get(row.number, ())) for row in rows
        ]
    if not isinstance(superseded, BugError):
        raise superseded
    if len(rows) == 1:
        _give_up(batch, rows[0], superseded)
        return []
    return [each for row in rows for each in _kept(batch, [row])]


def _give_up(batch: Batch, row: Result, error: CAError) -> None:
    """Refuse a source whose plan is committed; no certificate was handed out."""
    assert row.draft is not None
    serial = row.draft.prepared.serial
    with contextlib.suppress(StoreError), batch.home.store.write():  # else a later call does it
        abandon(batch.home, row.number, serial, "its signing failed")
    batch.results.refuse(row.candidate.source, error)


def still_allowed(batch: Batch, candidates: list[Candidate]) -> list[Candidate]:
    """The candidates that are still allowed after revocations made since they were judged."""
    forbidding = batch.judge.forbidding([candidate.ready for candidate in candidates])
    allowed = []
    for candidate in candidates:
        failure = attempt(forbidding.check, candidate.prepared) or attempt(
            batch.judge.check_good, candidate
        )
        if failure is not None:
            batch.results.refuse(candidate.source, failure)
        else:
            allowed.append(candidate)
    return allowed


def _unsigned_yet(batch: Batch, candidates: list[Candidate]) -> Iterator[Candidate]:
    """The candidates, checked against plans and certificates made by other processes meanwhile."""
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
        elif candidate.ready.request_hash not in busy or not batch.repeats.put_off(candidate):
            yield candidate


def _claimed(batch: Batch, candidates: Iterator[Candidate]) -> Iterator[Candidate]:
    """The candidates without those that somebody else has signed, or is signing, for a claim."""
    for candidate in candidates:
        claim = candidate.source.claim
        failure = None if claim is None or candidate.good else attempt(claim.check)
        if failure is None:
            yield candidate
        else:
            batch.results.refuse(candidate.source, failure)


def _draft(batch: Batch, candidate: Candidate) -> register.Draft:
    wishes = candidate.source.wishes
    overridden = {f.code for f in candidate.findings} & wishes.allow
    return register.Draft(
        prepared=candidate.prepared,
        profile=candidate.profile,
        issuer_id=batch.judge.ca.issuer.id,
        lifetime=lifetime_text(wishes),
        source=candidate.source.label,
        request_der=candidate.ready.request,
        device=wishes.device,
        context=wishes.context,
        supersedes=candidate.supersedes,
        beside=wishes.beside,
        revoke_old=wishes.revoke_old,
        overrides=tuple(sorted(overridden)),
        account=candidate.ready.account,
    )


def abandon_leftovers(home: Home) -> None:
    """Abandon plans that a crash left without a result; their serials stay used for ever."""
    now = home.now()
    left = plans.open_plans(home.store, before=now - plans.ABANDON_AFTER)
    if not left:
        return
    with home.store.write():
        for number, serial in plans.open_plans(home.store, before=now - plans.ABANDON_AFTER):
            abandon(home, number, serial, "left by an interrupted run")


def abandon(home: Home, number: int, serial: bytes, reason: str) -> None:
    """Abandon a plan for good, with its event, inside a write transaction."""
    plans.abandon(home.store, number, reason, at=home.now())
    detail = {"serial": serial.hex(), "reason": reason}
    home.record(Event("abandoned", serial.hex(), detail, "abandonment", number))
