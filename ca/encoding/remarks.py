"""Remarks of a tolerant reader on the certificate that it decodes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from ca.errors import MalformedError
from ca.model.certificates import Fault

MAX_REMARKS = 20
"""The most of each kind, so that a hostile file does not fill the screen."""
T = TypeVar("T")


class Remarks:
    """Sentences for the operator, without repetitions, at most ``MAX_REMARKS`` of a kind.

    *Odd* is what was decoded although strict readers may refuse it; a *fault* is a part that does
    not decode, or that contradicts another.
    """

    def __init__(self) -> None:
        self._odd: dict[str, None] = {}
        self._faults: dict[str, Fault] = {}

    def odd(self, sentence: str) -> None:
        """Add a remark on something that was decoded but should be encoded differently."""
        _add(self._odd, sentence, None)

    def fault(self, sentence: str, *, fatal: bool = False) -> None:
        """Add a remark on something that does not decode, or contradicts another part."""
        _add(self._faults, sentence, Fault(sentence, fatal))

    @contextmanager
    def part(self, what: str, *, fatal: bool = False) -> Iterator[None]:
        """Turn an error inside the ``with`` block into a fault: this part does not decode."""
        try:
            yield
        except (MalformedError, IndexError, ValueError):
            self.fault(f"{what} does not decode", fatal=fatal)

    def collected(self) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
        """The odd remarks, and the faults."""
        return tuple(self._odd), tuple(self._faults.values())


def _add(entries: dict[str, T], sentence: str, value: T) -> None:
    if len(entries) < MAX_REMARKS:
        entries.setdefault(sentence, value)
