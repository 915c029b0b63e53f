"""Long options with a single dash, as other programs have them: ``-out`` for ``--out``.

Read by the usual rules, ``-out x`` names a file ``ut``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from cli.usage import WrongWordError


def check_dashes(ctx: Any, command: Any, words: list[str], *, group: bool) -> None:
    """Check the options among the words of a command.

    Raises:
        WrongWordError: one has a dash too few, or a value that begins with ``=`` (exit 2).
    """
    options = {name: each for each in command.get_params(ctx) for name in getattr(each, "opts", ())}
    is_value = False
    for word in words:
        name, equals, value = word.partition("=")
        if is_value:
            is_value = False
        elif word == "--" or (group and not word.startswith("-")):
            return
        elif name in options and name.startswith("-"):
            if equals and not name.startswith("--") and not options[name].is_flag:
                raise WrongWordError(
                    f"'{word}' has a = that would belong to the value",
                    ctx,
                    hint=f"write it as {name} {value}",
                )
            is_value = not options[name].is_flag and not equals
        elif len(word) > 2 and word[0] == "-" and word[1] != "-":
            _check_single_dash(ctx, name, options)


def _check_single_dash(ctx: Any, word: str, options: Mapping[str, Any]) -> None:
    meant = _meant(word, options)
    short, rest = word[:2], word[2:]
    if meant is not None:
        attached = short in options and not options[short].is_flag
        other = f" Write {short} {rest} if you mean {short}" if attached else ""
        raise WrongWordError(
            f"'{word}' has one dash, but long options have two",
            ctx,
            hint=f"did you mean {meant}?{other}",
        )


def _meant(word: str, options: Mapping[str, Any]) -> str | None:
    """The long option that a word with one dash spells, or nearly does."""
    long = [name for name in options if name.startswith("--")]
    double = f"-{word.casefold().replace('_', '-')}"
    if double in long:
        return double
    if f"--{word[2:]}" in long or not word.replace("-", "").isalpha():  # -oout is -o out
        return None
    return next(iter(difflib.get_close_matches(double, long, n=1, cutoff=0.8)), None)
