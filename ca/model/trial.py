"""When a short way is tried against the long one."""

from __future__ import annotations

EVERY = 64
"""Of how many uses of a short way one is compared with the long way, after the first."""


class Trial:
    """Counts the uses of a short way, which has to lead where the long one does."""

    def __init__(self) -> None:
        self._uses = 0

    def is_due(self) -> bool:
        """Whether this use is to be compared with the long way."""
        self._uses += 1
        return self._uses % EVERY == 1
