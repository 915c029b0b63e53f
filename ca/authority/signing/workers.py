"""Worker processes of a batch:

they prepare, sign and write files. Only octets, text and Structs are passed between processes,
never a key: a worker receives the KeyRef and the passphrase through its pipe and opens its own
Signer. Workers are spawned, not forked (SQLite is open here), and leave Ctrl-C to their parent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar, cast

import msgspec

from ca.authority.signing import crew
from ca.authority.signing.crew import (
    Answered,
    Crew,
    Opening,
    Pending,
    SignedCertificate,
    Writing,
    Written,
)
from ca.authority.signing.prepare import Job, Outcome, Ready, Shapes, Terms, outcomes
from ca.errors import CAError, attempt
from ca.keys.public import PublicKey
from ca.keys.signer import Signer

S = TypeVar("S")
T = TypeVar("T")
SLICE = 64
"""Requests sent to a worker at a time: a transfer costs about as much as a request."""


Opened = Callable[[], Opening]
"""Returns how to open the key; called after this process has opened it."""


class Workers(Crew):
    """A pool of processes for a batch.

    Until they have started, or if one of them dies, this process does the work itself.
    """

    ahead = 2

    def __init__(
        self, count: int, signer: Callable[[], Signer], key: PublicKey, opening: Opened
    ) -> None:
        super().__init__(signer, key)
        self._opening = opening
        self._pool: ProcessPoolExecutor | None = None
        self._starting: list[Future[None]] = []
        with contextlib.suppress(OSError, BrokenProcessPool):
            # this starts multiprocessing's tracker, which unblocks interrupts
            self._pool = ProcessPoolExecutor(
                count, mp_context=get_context("spawn"), initializer=_begin
            )
            with _interrupts_held_back():
                self._starting = [self._pool.submit(_warm_up) for _ in range(count)]

    def __exit__(self, *unused: object) -> None:
        super().__exit__(*unused)
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def prepare(self, terms: Terms, jobs: Sequence[Job]) -> Pending[list[Outcome]]:
        """Read and prepare requests."""
        if self._is_starting():
            return super().prepare(terms, jobs)
        return self._spread(_prepare, terms, jobs, _outcomes)

    def sign(self, tbs: Sequence[bytes]) -> Pending[list[Answered]]:
        """Sign planned TBSCertificates with the workers' own Signers."""
        if self._is_starting():
            return super().sign(tbs)
        return self._spread(_sign, self._opening(), tbs, _answered)

    def write(self, writings: Sequence[Writing]) -> Pending[list[Written]]:
        """Write files."""
        if self._is_starting():
            return super().write(writings)
        return self._spread(_write, None, writings, _same)

    def _is_starting(self) -> bool:
        """True also if processes cannot be started or one has died."""
        ready = [each.done() and each.exception() is None for each in self._starting]
        return not ready or not all(ready)

    def _spread(
        self,
        work: Callable[[Any, Sequence[S]], Any],
        shared: object,
        values: Sequence[S],
        read: Callable[[Any], list[T]],
    ) -> Pending[list[T]]:
        parts = [values[start : start + SLICE] for start in range(0, len(values), SLICE)]
        futures = [self._submitted(work, shared, part) for part in parts]

        def finished() -> list[T]:
            results: list[T] = []
            for future, part in zip(futures, parts, strict=True):
                try:
                    results += read(future.result())
                except BrokenProcessPool:  # killed from outside, or out of memory
                    self._starting.clear()
                    results += read(work(shared, part))
                except CAError:
                    raise
                except Exception:  # one of them cannot be passed on: each alone
                    results += [
                        each for value in part for each in _alone(work, shared, value, read)
                    ]
            return results

        return finished

    def _submitted(
        self, work: Callable[[Any, Sequence[S]], Any], shared: object, part: Sequence[S]
    ) -> Future[Any]:
        assert self._pool is not None
        try:
            return self._pool.submit(work, shared, part)
        except BrokenProcessPool as error:
            failed: Future[Any] = Future()
            failed.set_exception(error)
            return failed


def _alone(
    work: Callable[[Any, Sequence[S]], Any],
    shared: object,
    value: S,
    read: Callable[[Any], list[T]],
) -> list[T]:
    results = attempt(lambda: read(work(shared, [value])))
    return [cast("T", results)] if isinstance(results, CAError) else results


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Block Ctrl-C for processes started here; this process receives it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Run first in each process: ignore Ctrl-C, and end when the parent has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _warm_up() -> None:
    """Import what the first request would have to wait for."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import padding

    del x509, padding


Answer = tuple[bytes, dict[int, CAError]]
"""The results as msgpack, and the errors by index."""


def _packed(values: Sequence[Ready | SignedCertificate | CAError]) -> Answer:
    refused = {place: each for place, each in enumerate(values) if isinstance(each, CAError)}
    return msgspec.msgpack.encode([e for e in values if not isinstance(e, CAError)]), refused


def _unpacked(answer: Answer, kind: type[T]) -> list[T | CAError]:
    encoded, refused = answer
    values: list[T | CAError] = list(msgspec.msgpack.decode(encoded, type=list[kind]))  # type: ignore[valid-type]
    for place in sorted(refused):
        values.insert(place, refused[place])
    return values


_shapes = Shapes()


def _prepare(terms: Terms, jobs: Sequence[Job]) -> Answer:
    return _packed(outcomes(terms, jobs, _shapes))


def _outcomes(answer: Answer) -> list[Outcome]:
    return _unpacked(answer, Ready)


def _sign(opening: Opening, tbs: Sequence[bytes]) -> Answer:
    return _packed(crew.sign_all(crew.opened(opening), opening.key, tbs))


def _answered(answer: Answer) -> list[Answered]:
    return _unpacked(answer, SignedCertificate)


_writers = crew.Writers()


def _write(_: None, writings: Sequence[Writing]) -> list[Written]:
    return _writers.write(writings)()


def _same(values: list[T]) -> list[T]:
    return values
