"""Characters that a text may hold and a screen must not show, spelled out."""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Categories of characters that control, reorder or hide text."""


def spelled(text: str) -> str:
    r"""Text that can be UTF-8: octets of a file name that are none are spelled out, as ``\xff``."""
    return (
        text if text.isascii() else re.sub("[\ud800-\udfff]", lambda found: _escape(found[0]), text)
    )


def visible(text: str) -> str:
    """Text whose control, format and bidirectional characters are spelled out."""
    if text.isprintable():
        return text
    return "".join(
        _escape(each) if unicodedata.category(each) in _HIDDEN else each for each in text
    )


def _escape(character: str) -> str:
    """A character as Python spells it; octets of file names that are no UTF-8 as octets."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
