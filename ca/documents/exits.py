"""The exit code that stands for a kind of failure in documents and at the command line."""

from __future__ import annotations

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
}
