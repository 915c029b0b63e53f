"""Processes beside this one for a batch: they prepare and they sign; the register stays here.

What crosses is DER, text and Structs, never a key: a worker gets the KeyRef and the passphrase
through its pipe and opens a Signer of its own. Workers are spawned, not forked (SQLite is
open here), and leave Ctrl-C to their parent.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from typing import TypeVar

import msgspec

from ca.csr.parsing import read_request
from ca.csr.request import CertificateRequest
from ca.errors import CAError
from ca.issuance.issue import Issued, issue
from ca.issuance.order import Issuer, Order, Prepared
from ca.issuance.prepare import prepare
from ca.keys.public import PublicKey
from ca.keys.signer import KeyRef, Signer
from ca.keys.soft import open_signer
from ca.model.certificates import SubjectAttribute
from ca.model.wishes import SigningWishes
from ca.profiles.profile import Profile

SLICE = 16
"""Requests that go to a worker at a time: the pipe costs about as much as a request does."""


class Job(msgspec.Struct, frozen=True):
    """One request to read and prepare, without what all of a batch share."""

    data: bytes
    profile: Profile
    wishes: SigningWishes
    serial: int


class Shared(msgspec.Struct, frozen=True):
    """What all jobs of a batch share."""

    issuer: Issuer
    now: datetime
    ca_subjects: tuple[tuple[SubjectAttribute, ...], ...]


class Ready(msgspec.Struct, frozen=True):
    """A request read and prepared."""

    request: CertificateRequest
    prepared: Prepared


class Opening(msgspec.Struct, frozen=True):
    """How a worker opens the issuing key."""

    ref: KeyRef
    passphrase: bytes | None
    key: PublicKey


Outcome = Ready | CAError
T = TypeVar("T")


class Workers:
    """A pool of processes; at most what was handed to it in two chunks is in flight."""

    def __init__(self, count: int) -> None:
        self._pool = ProcessPoolExecutor(
            count, mp_context=get_context("spawn"), initializer=_ignore_interrupts
        )

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def prepare(self, shared: Shared, jobs: Sequence[Job]) -> list[Future[list[Outcome]]]:
        """Have jobs prepared; ``outcomes`` gives their results in order."""
        return [self._pool.submit(_prepare, shared, part) for part in _slices(jobs)]

    def sign(self, opening: Opening, tbs: Sequence[bytes]) -> list[Issued]:
        """Sign octets that are planned.

        Raises:
            CAError: as ``issue`` does.
        """
        futures = [self._pool.submit(_sign, opening, part) for part in _slices(tbs)]
        return [each for future in futures for each in future.result()]


def outcomes(futures: list[Future[list[Outcome]]]) -> list[Outcome]:
    """What became of the jobs, in their order."""
    return [each for future in futures for each in future.result()]


def _slices(values: Sequence[T]) -> list[Sequence[T]]:
    return [values[start : start + SLICE] for start in range(0, len(values), SLICE)]


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _prepare(shared: Shared, jobs: Sequence[Job]) -> list[Outcome]:
    return [_prepared(shared, job) for job in jobs]


def _prepared(shared: Shared, job: Job) -> Outcome:
    try:
        request = read_request(job.data)
        order = Order(
            request=request,
            profile=job.profile,
            issuer=shared.issuer,
            wishes=job.wishes,
            now=shared.now,
            serial=job.serial,
            ca_subjects=shared.ca_subjects,
        )
        return Ready(request, prepare(order))
    except CAError as error:
        return error


_opened: dict[bytes, Signer] = {}


def _sign(opening: Opening, tbs: Sequence[bytes]) -> list[Issued]:
    if opening.ref.public not in _opened:
        _opened[opening.ref.public] = open_signer(opening.ref, opening.passphrase)
    signer = _opened[opening.ref.public]
    return [issue(each, signer, opening.key) for each in tbs]
