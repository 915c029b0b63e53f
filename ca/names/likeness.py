"""Names that are nearly another: what a slip of the fingers makes of a known one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

SHORTEST = 4
"""Characters of a name at least, before one of them wrong counts as a slip: not ``gw``, ``gx``."""
_SEPARATORS = str.maketrans("", "", "-_. ")
_LOOKS_LIKE = str.maketrans("oil", "011")
_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")
_PARTS = re.compile(r"[^\W\d_]+|\d+")


class Likeness:
    """Finds the known name that another one was probably meant to be.

    That is one that differs only in separators, case, leading zeros or look-alikes (``0`` and
    ``o``), or by one character left out, added, mistyped or moved. Members of a series
    (``sbc1`` and ``sbc2``, ``gw-a`` and ``gw-b``) are never taken for each other.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._plain: dict[str, str] = {}
        self._shorter: dict[str, list[str]] = {}
        for name in names:
            self._plain.setdefault(_plain(name), name)
            for key in _shorter(name):
                self._shorter.setdefault(key, []).append(name)

    def of(self, name: str) -> str | None:
        """The known name that this one is nearly; None if it is known itself, or like none."""
        same = self._plain.get(_plain(name))
        if same is not None:
            return None if same.casefold() == name.casefold() else same
        for key in _shorter(name):
            for known in self._shorter.get(key, ()):
                if known.casefold() == name.casefold():
                    return None
                if not _of_one_series(name, known):
                    return known
        return None


def _plain(name: str) -> str:
    """A name without what is easily overlooked in it."""
    folded = name.casefold().translate(_SEPARATORS).translate(_LOOKS_LIKE)
    return _LEADING_ZEROS.sub("", folded)


def _shorter(name: str) -> Iterator[str]:
    """A name as it is, and without each of its characters."""
    folded = name.casefold().translate(_SEPARATORS)
    yield folded
    for place in range(len(folded) if len(folded) >= SHORTEST else 0):
        yield folded[:place] + folded[place + 1 :]


def _of_one_series(one: str, other: str) -> bool:
    """Whether two names differ in a number, or in a single letter that numbers its kind."""
    first, second = (_PARTS.findall(name.casefold()) for name in (one, other))
    numbers = [[int(part) for part in parts if part.isdecimal()] for parts in (first, second)]
    if numbers[0] != numbers[1]:
        return True
    if len(first) != len(second):
        return False
    differing = [pair for pair in zip(first, second, strict=True) if pair[0] != pair[1]]
    return len(differing) == 1 and all(len(part) == 1 for part in differing[0])
