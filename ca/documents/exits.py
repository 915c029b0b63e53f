"""The exit code of each kind of failure, in documents and at the command line."""

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
    """The exit code of a call with several inputs, from the codes of those that were refused.

    It is the largest of them; but 1 if one is a bug of ours, which no larger number may hide.
    The document lists the code of each refusal.
    """
    distinct = set(codes)
    return EXIT_CODES[Kind.BUG] if EXIT_CODES[Kind.BUG] in distinct else max(distinct, default=0)
