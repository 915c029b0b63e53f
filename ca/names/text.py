"""Untrusted text in messages and names."""

from __future__ import annotations

from ca.errors import MalformedError
from ca.model.escaping import escape_hidden


def printable(text: str, limit: int = 100) -> str:
    """Escape the control, format and bidirectional characters of a text, and cut it to a length."""
    shown = escape_hidden(text[:limit])
    return shown if len(text) <= limit else f"{shown}... ({len(text)} characters)"


def check_device_name(name: str) -> None:
    """Check that a text can be a device's name in the register.

    Raises:
        MalformedError: it is not 1 to 64 printable characters, or begins or ends with a blank.
    """
    if not 1 <= len(name) <= 64 or name != name.strip() or printable(name) != name:
        raise MalformedError(
            f"'{printable(name)}' cannot be a device's name",
            hint="give 1 to 64 printable characters without blanks around them, for example sbc1",
        )
