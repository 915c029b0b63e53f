"""What a tolerant reader says about a certificate beside what it read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from ca.errors import MalformedError
from ca.model.certificates import Fault

MAX_REMARKS = 20
"""A file that is made to be odd does not fill the screen."""
T = TypeVar("T")


class Remarks:
    """Sentences for the operator, each once, and no more than ``MAX_REMARKS`` of a kind.

    ``odd``: read all the same, though strict readers may refuse it. ``faults``: a part that does
    not decode, or that contradicts another.
    """

    def __init__(self) -> None:
        self._odd: dict[str, None] = {}
        self._faults: dict[str, Fault] = {}

    def odd(self, sentence: str) -> None:
        """Note what was read though it should be otherwise."""
        _enter(self._odd, sentence, None)

    def fault(self, sentence: str, *, fatal: bool = False) -> None:
        """Note what could not be read."""
        _enter(self._faults, sentence, Fault(sentence, fatal))

    @contextmanager
    def part(self, what: str, *, fatal: bool = False) -> Iterator[None]:
        """Read a part; where it does not decode, that is a fault and no error."""
        try:
            yield
        except (MalformedError, IndexError, ValueError):
            self.fault(f"{what} does not decode", fatal=fatal)

    def said(self) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
        """What is odd, and the faults."""
        return tuple(self._odd), tuple(self._faults.values())


def _enter(found: dict[str, T], sentence: str, value: T) -> None:
    if len(found) < MAX_REMARKS:
        found.setdefault(sentence, value)
