"""A cache of OCSP answers, bounded in octets."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ca.service.replies import Reply

MAX_OCTETS = 32 * 1024 * 1024
"""Octets of questions, answers and their paths at most, for each worker."""
MAX_WAY = 1024
"""A longer path or request is parsed again each time."""
WAYS = 8
"""Forms remembered for each question: a question can be written in any number of ways."""
_ANSWER_COST, _WAY_COST = 1024, 128
"""The size of the objects around the octets, by ``sys.getsizeof``, rounded up."""


class Remembered(msgspec.Struct, frozen=True):
    """An answer to give again until ``fresh_until``, and never after ``end`` (Unix seconds).

    ``octets`` are headers and body on the wire, ``ways`` the paths and requests that it answers.
    """

    fresh_until: float
    end: float
    headers: list[tuple[bytes, bytes]]
    body_size: int
    octets: bytes
    ways: list[bytes]

    def reply(self) -> Reply:
        """The whole HTTP reply."""
        return Reply(200, self.headers, self.octets[-self.body_size :])


class Answers:
    """Answers by question, and by the paths and requests in which it was asked."""

    def __init__(self) -> None:
        self.octets = 0
        self._answers: dict[bytes, Remembered] = {}
        self._ways: dict[bytes, Remembered] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def by_way(self, way: bytes) -> Remembered | None:
        """The answer to this path or request."""
        return self._ways.get(way)

    def to(self, question: bytes) -> Remembered | None:
        """The answer to a question."""
        return self._answers.get(question)

    def keep(self, question: bytes, reply: Reply, *, fresh_until: float, end: float) -> Remembered:
        """Remember an answer; the oldest ones are dropped to make room."""
        self._forget(question)
        remembered = Remembered(
            fresh_until, end, reply.headers, len(reply.body), reply.octets(), []
        )
        self._answers[question] = remembered
        self.octets += _cost_of(question, remembered)
        self._make_room()
        return remembered

    def lead(self, way: bytes, to: Remembered) -> None:
        """Remember that this path or request has that answer."""
        if len(way) > MAX_WAY or way in self._ways:
            return
        if len(to.ways) >= WAYS:
            self._forget_ways([to.ways.pop(0)])
        to.ways.append(way)
        self._ways[way] = to
        self.octets += len(way) + _WAY_COST
        self._make_room()

    def clear(self) -> None:
        """Forget everything."""
        self._answers.clear()
        self._ways.clear()
        self.octets = 0

    def _make_room(self) -> None:
        while self.octets > MAX_OCTETS:
            self._forget(next(iter(self._answers)))

    def _forget(self, question: bytes) -> None:
        answer = self._answers.pop(question, None)
        if answer is not None:
            self.octets -= _cost_of(question, answer)
            self._forget_ways(answer.ways)

    def _forget_ways(self, ways: Iterable[bytes]) -> None:
        for way in ways:
            del self._ways[way]
            self.octets -= len(way) + _WAY_COST


def _cost_of(question: bytes, answer: Remembered) -> int:
    return len(question) + len(answer.octets) + _ANSWER_COST
