"""Requests that a call looks at again later: repeated ones, or those another process is signing."""

from __future__ import annotations

from ca.authority.signing.candidates import Candidate, Source
from ca.authority.signing.prepare import Ready
from ca.model.wishes import SigningWishes


class Repeats:
    """The requests that a call of ``sign`` has seen, and those it postpones."""

    def __init__(self) -> None:
        self.deferred: list[Source] = []
        self.awaited: set[bytes] = set()
        """SHA-256 of requests that another process is signing at this moment."""
        self._met: set[bytes] = set()
        self._met_with: set[tuple[bytes, SigningWishes]] = set()
        self._recorded: set[tuple[bytes, SigningWishes]] = set()
        self._put_off: set[str] = set()

    def is_repeated(self, source: Source, ready: Ready) -> bool:
        """Whether this call is signing the same request already; if so, it is postponed."""
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
        """Postpone a source, once only, until another process has signed its request."""
        label = candidate.source.label
        if label in self._put_off:
            return False
        self._put_off.add(label)
        self.awaited.add(candidate.ready.request_hash)
        self.deferred.append(candidate.source)
        return True

    def take_up(self) -> list[Source]:
        """Take the postponed sources; the register knows their predecessors by now."""
        self._recorded |= self._met_with
        self._met.clear()
        deferred, self.deferred = self.deferred, []
        return deferred
