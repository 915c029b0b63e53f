"""Names that were probably meant: one slip of the hand from a known one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

SHORTEST = 4
"""Shorter names are near to too many others."""
_SEPARATORS = re.compile(r"[\s._-]+")
_DIGITS = re.compile(r"[0-9]+")


class NearNames:
    """Known names, found again with one letter missing, added, changed, or two in turned order.

    Each name is kept under itself and under itself without each of its letters, so that a name is
    looked up in as many steps as it has letters, however many are known.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.known: dict[str, str] = {}
        self._keys: dict[str, dict[str, None]] = {}
        for name in names:
            self.known.setdefault(name.casefold(), name)
            key = _key(name)
            for each in _shortened(key):
                self._keys.setdefault(each, {}).setdefault(key)
        self._spelled = {_key(name): name for name in reversed(list(self.known.values()))}

    def near(self, name: str) -> str | None:
        """The known name that this one is a slip of; None if it is known, or near to none."""
        if name.casefold() in self.known:
            return None
        key = _key(name)
        if key in self._spelled:
            return self._spelled[key]
        found = (
            self._spelled[each]
            for short in _shortened(key)
            for each in self._keys.get(short, ())
            if _is_slip(key, each)
        )
        return next(found, None)


def _key(name: str) -> str:
    """A name without what is easily spelled otherwise: case, and what stands between words."""
    return _SEPARATORS.sub("", name.casefold()) or name


def _shortened(key: str) -> Iterator[str]:
    yield key
    if len(key) >= SHORTEST:
        yield from (key[:place] + key[place + 1 :] for place in range(len(key)))


def _is_slip(typed: str, known: str) -> bool:
    """Whether two keys differ by one slip, and not as the names of siblings do.

    Names with other digits, and with another last letter, are other devices: sbc1, sbc2, sbc-a.
    """
    if min(len(typed), len(known)) < SHORTEST or _DIGITS.findall(typed) != _DIGITS.findall(known):
        return False
    if len(typed) != len(known):
        return True
    places = [place for place, (a, b) in enumerate(zip(typed, known, strict=True)) if a != b]
    if len(places) == 1:
        return places[0] < len(typed) - 1
    first, second = places[0], places[-1]
    turned = typed[first] == known[second] and typed[second] == known[first]
    return len(places) == 2 and second == first + 1 and turned
