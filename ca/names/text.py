"""Untrusted text inside messages."""

from __future__ import annotations

import unicodedata

_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def printable(text: str, limit: int = 100) -> str:
    """Text with its control, format and bidirectional characters spelled out, bounded."""
    shown = "".join(
        character if unicodedata.category(character) not in _HIDDEN else _spelled(character)
        for character in text[:limit]
    )
    return shown if len(text) <= limit else f"{shown}... ({len(text)} characters)"


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
