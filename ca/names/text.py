"""Untrusted text inside messages."""

from __future__ import annotations

from ca.errors import MalformedError
from ca.model.escaping import escape_hidden


def printable(text: str, limit: int = 100) -> str:
    """Text with its control, format and bidirectional characters spelled out, bounded."""
    shown = escape_hidden(text[:limit])
    return shown if len(text) <= limit else f"{shown}... ({len(text)} characters)"


def check_device_name(name: str) -> None:
    """That a text can be a device's name in the register: 1 to 64 printable characters.

    Raises:
        MalformedError: it is none.
    """
    if not 1 <= len(name) <= 64 or name != name.strip() or printable(name) != name:
        raise MalformedError(
            f"'{printable(name)}' is no name for a device",
            hint="1 to 64 printable characters without blanks around them, as sbc1",
        )
