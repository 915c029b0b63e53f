"""Verify signatures and judge keys in a process of its own, beside this one.

That is most of the arithmetic of a batch, and it needs nothing of the register. So a large batch
forks a checker before the CA's key is opened. It *vouches* for requests whose signature verifies
and whose key is in DER, with no rule against it; for others this process judges and words the
refusal. And it verifies what an EC key signed, which takes longer than signing; an RSA key signs
and verifies in threads. Nothing is recorded before the answer came.

Forking takes some milliseconds where spawning takes as long as a thousand signatures; it is safe
only while this process has one thread. Where there are more, as where the checker dies or does not
answer, this process does all by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe

import msgspec

from ca.authority.signing.prepare import Job, ReadRequest
from ca.csr.proof import Possession, prove
from ca.csr.request import CertificateRequest
from ca.errors import CAError, attempt
from ca.keys.public import PublicKey, is_canonical, read_public_key
from ca.keys.signatures import Algorithm
from ca.keys.signer import hash_for
from ca.keys.soft import verify_digest
from ca.lint.public_keys import check_public_key

ANSWER_SECONDS = 30
"""How long to wait for the answer about a chunk, which takes some 30 ms."""


class Evidence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a request proves possession with, and the types of key that its profile allows."""

    spki: bytes
    algorithm: str
    parameters: bytes
    signature: bytes
    info: bytes
    allow: tuple[str, ...]


class Question(msgspec.Struct, frozen=True, array_like=True):
    """Requests to vouch for, or digests with signatures of the CA's key to verify."""

    requests: list[Evidence] = []
    signed: list[tuple[bytes, bytes]] = []


class Awaited:
    """An answer that is not read yet: an octet for each item of the question."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.is_read = False
        self.octets: bytes | None = None


class Checker:
    """A forked process that answers questions in the order in which they are asked."""

    def __init__(self, key: PublicKey) -> None:
        self._key = key
        self._hash = hash_for(key.curve or "").name
        self._awaited: deque[Awaited] = deque()
        ours, theirs = Pipe()
        _bound_writing(ours)
        self._pipe: Connection | None = ours
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process = os.fork()
            if not self._process:
                _serve(theirs, key)
        finally:  # of this process alone: in the checker, Ctrl-C stays blocked
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()

    def vouch(self, jobs: Sequence[Job], read: Sequence[ReadRequest]) -> Callable[[], list[bool]]:
        """Start to judge the requests of jobs; False is for those that are not vouched for."""
        places, evidence = [], []
        for place, (job, each) in enumerate(zip(jobs, read, strict=True)):
            if not isinstance(each, CAError) and each[0].signature:
                places.append(place)
                evidence.append(_evidence(each[0], job))
        awaited = self._ask(Question(requests=evidence), len(evidence))

        def vouched() -> list[bool]:
            answers = [False] * len(jobs)
            for place, octet in zip(places, self._answer(awaited) or b"", strict=False):
                answers[place] = octet == 1
            return answers

        return vouched

    def verify(self, signed: Sequence[tuple[bytes, bytes]]) -> Callable[[], list[bool]]:
        """Start to verify signatures, each given after the octets that it is over."""
        pairs = [(hashlib.new(self._hash, octets).digest(), made) for octets, made in signed]
        awaited = self._ask(Question(signed=pairs), len(pairs))

        def verdicts() -> list[bool]:
            answer = self._answer(awaited)
            return _verified(self._key, pairs) if answer is None else [each == 1 for each in answer]

        return verdicts

    def _ask(self, question: Question, count: int) -> Awaited:
        awaited = Awaited(count)
        if self._pipe is not None:
            try:
                self._pipe.send_bytes(msgspec.msgpack.encode(question))
                self._awaited.append(awaited)
            except OSError:
                self.close()
        return awaited

    def _answer(self, awaited: Awaited) -> bytes | None:
        """The answer, after those to earlier questions; None if there is none."""
        while self._awaited and not awaited.is_read:
            first = self._awaited.popleft()
            first.octets, first.is_read = self._next(first.count), True
        return awaited.octets

    def _next(self, count: int) -> bytes | None:
        if self._pipe is None:
            return None
        with contextlib.suppress(OSError, EOFError):
            if self._pipe.poll(ANSWER_SECONDS):
                octets = self._pipe.recv_bytes()
                if len(octets) == count:
                    return octets
        self.close()
        return None

    def close(self) -> None:
        """End the process."""
        if self._pipe is None:
            return
        self._pipe.close()
        self._pipe = None
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)


def forked(key: PublicKey) -> Checker | None:
    """A checker, if this process may be forked and there is a second core to gain by it."""
    if not hasattr(os, "fork") or not hasattr(os, "sched_getaffinity"):
        return None
    if threading.active_count() > 1 or len(os.sched_getaffinity(0)) == 1:
        return None
    try:
        return Checker(key)
    except OSError:  # no more processes, or no more memory
        return None


def _bound_writing(pipe: Connection) -> None:
    """Have a write fail, instead of waiting for ever, where the other end reads nothing."""
    with socket.socket(fileno=os.dup(pipe.fileno())) as end:
        limit = struct.pack("ll", int(ANSWER_SECONDS), int(ANSWER_SECONDS % 1 * 1e6))
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def _evidence(request: CertificateRequest, job: Job) -> Evidence:
    return Evidence(
        request.key.spki,
        request.signature_algorithm,
        request.signature_parameters,
        request.signature,
        request.info,
        job.profile.key.allow,
    )


# in the checker


def _serve(pipe: Connection, key: PublicKey) -> None:
    """Answer until the other end is closed; nothing of the parent's is used or flushed."""
    try:
        keep = pipe.fileno()
        os.closerange(3, keep)
        os.closerange(keep + 1, os.sysconf("SC_OPEN_MAX"))
        while True:
            question = msgspec.msgpack.decode(pipe.recv_bytes(), type=Question)
            vouched = [attempt(_vouched, each) is True for each in question.requests]
            pipe.send_bytes(bytes([*vouched, *_verified(key, question.signed)]))
    finally:
        os._exit(0)


def _vouched(evidence: Evidence) -> bool:
    """Whether a request's signature verifies, by no retired hash, and its key is faultless DER."""
    algorithm = Algorithm(evidence.algorithm, evidence.parameters)
    proof = prove(evidence.spki, algorithm, evidence.signature, evidence.info)
    if proof.outcome is not Possession.GOOD:
        return False
    if not is_canonical(evidence.spki):
        return False
    return not check_public_key(read_public_key(evidence.spki), evidence.allow, thorough=False)


def _verified(key: PublicKey, signed: Sequence[tuple[bytes, bytes]]) -> list[bool]:
    return [verify_digest(key, signature, digest) for digest, signature in signed]
