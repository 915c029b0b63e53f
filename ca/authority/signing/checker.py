"""Verify new signatures in a process of its own while the next chunk is prepared.

By an EC key a signature takes longer to verify than to make, and both need nothing of the
register. So a large batch forks a checker before its key is opened: it gets digests and
signatures, answers one octet for each, and has neither key nor register. Forking takes some
milliseconds where spawning takes as long as a thousand signatures; it is safe only while this
process has one thread, so elsewhere, as where the checker dies or does not answer, this process
verifies by itself. Nothing is recorded before the answer came.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe

import msgspec

from ca.keys.public import PublicKey
from ca.keys.signer import hash_for
from ca.keys.soft import verify_digest

ANSWER_SECONDS = 30
"""How long to wait for the answer about a chunk, which takes some 15 ms."""


class Checker:
    """A forked process that verifies signatures of one EC key."""

    def __init__(self, key: PublicKey) -> None:
        self._key = key
        self._hash = hash_for(key.curve or "").name
        ours, theirs = Pipe()
        self._pipe: Connection | None = ours
        self._process = os.fork()
        if not self._process:
            _serve(theirs, key)
        theirs.close()

    def verify(self, signed: Sequence[tuple[bytes, bytes]]) -> Callable[[], list[bool]]:
        """Start to verify signatures, each given after the octets that it is over."""
        pairs = [(hashlib.new(self._hash, octets).digest(), made) for octets, made in signed]
        with contextlib.suppress(OSError):
            if self._pipe is not None:
                self._pipe.send_bytes(msgspec.msgpack.encode(pairs))
        return lambda: self._answer(len(pairs)) or _verified(self._key, pairs)

    def _answer(self, count: int) -> list[bool] | None:
        """What the checker says; None if it says nothing, and from then on."""
        if self._pipe is None:
            return None
        with contextlib.suppress(OSError, EOFError):
            if self._pipe.poll(ANSWER_SECONDS):
                answer = self._pipe.recv_bytes()
                if len(answer) == count:
                    return [octet == 1 for octet in answer]
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


def _serve(pipe: Connection, key: PublicKey) -> None:
    """Answer until the other end is closed; nothing of the parent's is used or flushed."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        keep = pipe.fileno()
        os.closerange(3, keep)
        os.closerange(keep + 1, os.sysconf("SC_OPEN_MAX"))
        while True:
            pairs = msgspec.msgpack.decode(pipe.recv_bytes(), type=list[tuple[bytes, bytes]])
            pipe.send_bytes(bytes(_verified(key, pairs)))
    finally:
        os._exit(0)


def _verified(key: PublicKey, pairs: Sequence[tuple[bytes, bytes]]) -> list[bool]:
    return [verify_digest(key, signature, digest) for digest, signature in pairs]
