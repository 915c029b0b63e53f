"""The two little languages of targets: place-holders in texts, and patterns of names.

Neither can be made to work for long or to look into anything: a place-holder is replaced by its
text and has no format; a pattern has no groups, no alternatives and at most two repetitions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ca.errors import MalformedError

MAX_PATTERN = 100
MAX_NAME = 64
"""Characters of a name that a pattern is held against: X.520's bound of a CN."""
_PLACE = re.compile(r"\{([a-z_]{1,40})\}", re.ASCII)
_ITEM = re.compile(
    r"(?:[A-Za-z0-9_:@ -]|\\[.d]|\.|\[\^?[A-Za-z0-9_.: -]+\])"
    r"(?P<often>\{[0-9]{1,2}(?:,[0-9]{1,2})?\}|[?*+])?",
    re.ASCII,
)


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its place-holders replaced; what is put in is not looked at again."""
    return _PLACE.sub(lambda place: values[place[1]], text)


def check_template(key: str, text: str, known: tuple[str, ...]) -> None:
    """That a text has none but these place-holders.

    Raises:
        MalformedError: another one, or a brace that belongs to none.
    """
    rest = _PLACE.sub(lambda place: "" if place[1] in known else place[0], text)
    if "{" in rest or "}" in rest:
        raise MalformedError(
            f"{key}: '{text[:200]}' has an unknown place-holder",
            hint=f"known are {', '.join(f'{{{each}}}' for each in known)}",
        )


def check_pattern(key: str, pattern: str) -> None:
    """That a pattern is one of the little language.

    Raises:
        MalformedError: it is longer, or has groups, alternatives, or many repetitions.
    """
    position, repetitions = 0, 0
    while position < len(pattern) <= MAX_PATTERN:
        item = _ITEM.match(pattern, position)
        if item is None:
            break
        position = item.end()
        repetitions += item["often"] is not None and "," in item["often"].replace("*", ",")
        repetitions += item["often"] in ("?", "+")
    try:
        if position != len(pattern) or repetitions > 2:
            raise re.error("it is no pattern of names")
        re.compile(pattern, re.ASCII)
    except re.error:
        raise MalformedError(
            f"{key}: '{pattern[:MAX_PATTERN]}' is no pattern of names",
            hint=f"characters, [A-Z0-9], {{6,7}}, ?, * and +: at most two of a varying number, "
            f"{MAX_PATTERN} characters, without groups and alternatives",
        ) from None


def matches(pattern: str, name: str) -> bool:
    """Whether the whole name is what a checked pattern describes."""
    return len(name) <= MAX_NAME and re.fullmatch(pattern, name, re.ASCII) is not None
