"""How the register writes a time: RFC 3339, UTC, whole seconds; it sorts as text."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from ca.errors import StoreError


@lru_cache(maxsize=64)
def to_text(moment: datetime) -> str:
    """``2026-11-23T08:00:00Z``."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def from_text(text: str) -> datetime:
    """The time that ``to_text`` wrote.

    Raises:
        StoreError: the text is not such a time, so the register is damaged.
    """
    try:
        return datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise StoreError(
            f"the register is damaged: {text!r} is not a time",
            hint="restore the last copy of the folder",
        ) from None
