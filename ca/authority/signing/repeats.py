"""Requests of one call that are looked at again later: met twice, or signed by another process."""

from __future__ import annotations

from ca.authority.signing.judge import Candidate, Source
from ca.authority.signing.prepare import Ready
from ca.model.wishes import SigningWishes


class Repeats:
    """What one call of ``sign`` has met, and what it puts off until the register knows of it."""

    def __init__(self) -> None:
        self.deferred: list[Source] = []
        self.awaited: set[bytes] = set()
        """Requests, by SHA-256, that another process is signing at this moment."""
        self._met: set[bytes] = set()
        self._met_with: set[tuple[bytes, SigningWishes]] = set()
        self._recorded: set[tuple[bytes, SigningWishes]] = set()
        self._put_off: set[str] = set()

    def is_repeated(self, source: Source, ready: Ready) -> bool:
        """Whether this call has the very request in hand already; if so, it is put off."""
        met = (ready.request_hash, source.wishes)
        if met in self._recorded or source.wishes.again:
            return False
        if ready.request_hash in self._met:
            self.deferred.append(source)
            return True
        self._met.add(ready.request_hash)
        self._met_with.add(met)
        return False

    def put_off(self, candidate: Candidate) -> bool:
        """Look at a source again when another process is done with its request; but once only."""
        label = candidate.source.label
        if label in self._put_off:
            return False
        self._put_off.add(label)
        self.awaited.add(candidate.ready.request_hash)
        self.deferred.append(candidate.source)
        return True

    def take_up(self) -> list[Source]:
        """What was put off: by now the register knows what was met before it."""
        self._recorded |= self._met_with
        self._met.clear()
        deferred, self.deferred = self.deferred, []
        return deferred
