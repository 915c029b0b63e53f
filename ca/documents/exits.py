"""The exit code that stands for a kind of failure in documents and at the command line."""

from __future__ import annotations

from collections.abc import Iterable

from ca.errors import Kind

EXIT_CODES: dict[Kind, int] = {
    Kind.MALFORMED: 3,
    Kind.REFUSED: 4,
    Kind.NOT_FOUND: 5,
    Kind.CONFLICT: 6,
    Kind.KEY: 7,
    Kind.STORE: 8,
    Kind.INVALID: 9,
    Kind.UNREACHABLE: 10,
    Kind.BUG: 1,
}


def exit_of_several(codes: Iterable[int]) -> int:
    """The exit code of a call on several things, from those of what was refused.

    The numerically largest; but where one of them is a bug of ours, that, because no larger
    number may hide it. Each refusal tells its own beside it.
    """
    found = set(codes)
    return EXIT_CODES[Kind.BUG] if EXIT_CODES[Kind.BUG] in found else max(found, default=0)
