"""The two small languages of target files: templates with place-holders, and name patterns.

Neither can be made to run for long or to reach other data: a place-holder is replaced by its
text and has no format; a pattern has no groups or alternatives, and at most two repetitions of
variable length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ca.errors import MalformedError

MAX_PATTERN = 100
MAX_NAME = 64
"""Characters of the longest name that is matched: X.520's upper bound for a CN."""
_PLACE = re.compile(r"\{([a-z_]{1,40})\}", re.ASCII)
_ITEM = re.compile(
    r"(?:[A-Za-z0-9_:@ -]|\\[.d]|\.|\[\^?[A-Za-z0-9_.: -]+\])"
    r"(?P<repetition>\{[0-9]{1,2}(?:,[0-9]{1,2})?\}|[?*+])?",
    re.ASCII,
)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace the place-holders in a text, once: the values are not searched for more of them."""
    return _PLACE.sub(lambda place: values[place[1]], text)


def check_template(key: str, text: str, known: tuple[str, ...]) -> None:
    """Check that a text has only known place-holders.

    Raises:
        MalformedError: it has an unknown one, or a brace that is not part of a place-holder.
    """
    rest = _PLACE.sub(lambda place: "" if place[1] in known else place[0], text)
    if "{" in rest or "}" in rest:
        raise MalformedError(
            f"{key}: '{text[:200]}' has an unknown place-holder",
            hint=f"use only {', '.join(f'{{{each}}}' for each in known)}",
        )


def check_pattern(key: str, pattern: str) -> None:
    """Check that a pattern keeps to the small language above.

    Raises:
        MalformedError: it is too long, has groups or alternatives, or too many repetitions.
    """
    position, repetitions = 0, 0
    while position < len(pattern) <= MAX_PATTERN:
        item = _ITEM.match(pattern, position)
        if item is None:
            break
        position = item.end()
        repetitions += item["repetition"] is not None and "," in item["repetition"].replace(
            "*", ","
        )
        repetitions += item["repetition"] in ("?", "+")
    try:
        if position != len(pattern) or repetitions > 2:
            raise re.error("not a name pattern")
        re.compile(pattern, re.ASCII)
    except re.error:
        raise MalformedError(
            f"{key}: '{pattern[:MAX_PATTERN]}' is not a name pattern",
            hint="use characters, [A-Z0-9], {6}, and at most two of ?, *, + and {6,7}; at most "
            f"{MAX_PATTERN} characters, without groups and alternatives",
        ) from None


def matches(pattern: str, name: str) -> bool:
    """Whether the whole name matches a pattern that ``check_pattern`` accepted."""
    return len(name) <= MAX_NAME and re.fullmatch(pattern, name, re.ASCII) is not None
