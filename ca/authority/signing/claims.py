"""What else hangs on a source's certificate, and is recorded in the same transactions."""

from __future__ import annotations

from typing import Protocol


class Claim(Protocol):
    """What else is recorded with a source's certificate, so that it is signed once."""

    def check(self) -> None:
        """Check that the plan may be recorded, inside the transaction that records it.

        Raises:
            CAError: it may not.
        """

    def recorded(self, number: int) -> None:
        """Record what belongs to the result of a plan, inside the transaction that records it."""
