"""Preparing, signing and writing the files of a batch, with a checker beside it if there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ca.authority.signing.prepare import Job, Outcome, Shapes, Terms, outcomes, prepared, read
from ca.encoding import pem
from ca.errors import CAError, KeyUnavailableError, attempt
from ca.files import write_atomic
from ca.issuance.issue import Issued, broken_signature, issue, sign
from ca.keys.public import PublicKey
from ca.keys.signer import Signer

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from ca.authority.signing.checker import Checker

T = TypeVar("T")
Pending = Callable[[], T]
"""A callable that returns a result, waiting for it if necessary."""
SIGNERS = 4
"""Signing threads at most: more would wait for Python's global lock."""
WORTH_THREADS = 16
"""The number of certificates from which starting threads pays."""
WRITERS = 8
"""Threads that write files; each mostly waits for the disk."""


class SignedCertificate(msgspec.Struct, frozen=True):
    """A certificate just signed: its signature and its DER."""

    signature: bytes
    pem: str
    fingerprint: str


class Writing(msgspec.Struct, frozen=True):
    """The files of one certificate to write: paths and texts."""

    files: tuple[tuple[str, str], ...]
    overwrite: bool


Answered = SignedCertificate | CAError
"""The result of signing one plan: a certificate or an error."""
Written = CAError | None
"""The result of a ``Writing``: the error that prevented it, or None."""


class Crew:
    """This process; files are written while the next chunk is signed.

    ``ahead`` is the number of further chunks that are begun before one is finished. A
    ``checker`` verifies the signatures of requests while the chunk before is prepared, and new ones
    while the next is.
    """

    ahead = 0

    def __init__(
        self, signer: Callable[[], Signer], key: PublicKey, checker: Checker | None = None
    ) -> None:
        self._signer = signer
        self._key = key
        self._writers = Writers()
        self._shapes: Shapes | None = None
        self._checker = checker
        if checker is not None:
            self.ahead = 1

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *unused: object) -> None:
        self._writers.close()
        if self._checker is not None:
            self._checker.close()

    def prepare(self, terms: Terms, jobs: Sequence[Job]) -> Pending[list[Outcome]]:
        """Read and prepare requests."""
        if self._shapes is None and len(jobs) > 1:
            self._shapes = Shapes()
        shapes, checker = self._shapes, self._checker
        if checker is None:
            done = outcomes(terms, jobs, shapes)
            return lambda: done
        requests = read(jobs, shapes)
        vouched = checker.vouch(jobs, requests)
        return lambda: prepared(terms, jobs, requests, shapes, vouched=vouched())

    def sign(self, tbs: Sequence[bytes]) -> Pending[list[Answered]]:
        """Sign planned TBSCertificates; with an RSA key in threads, one for each core."""
        signer = self._signer()
        if self._checker is not None and self._key.algorithm == "ec":
            return _sign_for_checker(signer, self._key, tbs, self._checker)
        if self._key.algorithm != "rsa" or len(tbs) < WORTH_THREADS:
            done = sign_all(signer, self._key, tbs)
        else:
            done = _sign_in_threads(signer, self._key, tbs)
        return lambda: done

    def write(self, writings: Sequence[Writing]) -> Pending[list[Written]]:
        """Write files."""
        return self._writers.write(writings)


def _sign_in_threads(signer: Signer, key: PublicKey, tbs: Sequence[bytes]) -> list[Answered]:
    """Sign in threads: the library releases Python's lock, and RSA is slow enough to profit."""
    from concurrent.futures import ThreadPoolExecutor

    threads = min(SIGNERS, _cores())
    size = -(-len(tbs) // threads)
    parts = [tbs[start : start + size] for start in range(0, len(tbs), size)]
    with ThreadPoolExecutor(threads) as pool:
        signed = pool.map(partial(sign_all, signer, key), parts)
        return [each for part in signed for each in part]


def _cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def sign_all(signer: Signer, key: PublicKey, tbs: Sequence[bytes]) -> list[Answered]:
    """Sign planned TBSCertificates; one that fails alone yields its error at its index.

    Raises:
        KeyUnavailableError: the key cannot be used, which concerns all.
    """
    return _unless_unusable([attempt(_sign_one, signer, key, each) for each in tbs])


def _sign_for_checker(
    signer: Signer, key: PublicKey, tbs: Sequence[bytes], checker: Checker
) -> Pending[list[Answered]]:
    """As ``sign_all``; each signature is verified by the checker before it is handed on."""
    made = _unless_unusable([attempt(_unverified, signer, key, each) for each in tbs])
    verdicts = checker.verify(
        [
            (octets, each.signature)
            for octets, each in zip(tbs, made, strict=True)
            if not isinstance(each, CAError)
        ]
    )

    def verified() -> list[Answered]:
        if not all(verdicts()):
            raise broken_signature()
        return made

    return verified


def _unless_unusable(answers: list[Answered]) -> list[Answered]:
    for answer in answers:
        if isinstance(answer, KeyUnavailableError):
            raise answer
    return answers


def _sign_one(signer: Signer, key: PublicKey, tbs: bytes) -> SignedCertificate:
    return _signed_certificate(issue(tbs, signer, key))


def _unverified(signer: Signer, key: PublicKey, tbs: bytes) -> SignedCertificate:
    return _signed_certificate(sign(tbs, signer, key))


def _signed_certificate(issued: Issued) -> SignedCertificate:
    return SignedCertificate(
        issued.signature, pem.encode(issued.der), sha256(issued.der).hexdigest()
    )


class Writers:
    """Threads that write files, started once there are several files."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    def write(self, writings: Sequence[Writing]) -> Pending[list[Written]]:
        """Write a single one directly, several in threads."""
        if len(writings) <= 1:
            done = _written_all(writings)
            return lambda: done
        if self._threads is None:
            from concurrent.futures import ThreadPoolExecutor

            self._threads = ThreadPoolExecutor(WRITERS)
        size = -(-len(writings) // WRITERS)
        parts = [writings[start : start + size] for start in range(0, len(writings), size)]
        futures = [self._threads.submit(_written_all, part) for part in parts]
        return lambda: [each for future in futures for each in future.result()]

    def close(self) -> None:
        """Finish the writing in progress."""
        if self._threads is not None:
            self._threads.shutdown()


def _written_all(writings: Sequence[Writing]) -> list[Written]:
    return [_written(each) for each in writings]


def _written(writing: Writing) -> Written:
    return attempt(_write_files, writing)


def _write_files(writing: Writing) -> None:
    for path, text in writing.files:
        data = text.encode("ascii")
        write_atomic(Path(path), data, overwrite=writing.overwrite, sync_parent=False)
