"""Untrusted text inside messages."""

from __future__ import annotations

import unicodedata

from ca.errors import MalformedError

HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def printable(text: str, limit: int = 100) -> str:
    """Text with its control, format and bidirectional characters spelled out, bounded."""
    shown = "".join(
        escape(each) if unicodedata.category(each) in HIDDEN else each for each in text[:limit]
    )
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


def escape(character: str) -> str:
    """A character spelled out, as Python does; octets of file names that are no UTF-8 as such."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # an octet of a file name that is no UTF-8
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
