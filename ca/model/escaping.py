"""Escapes for characters that a screen must not show and for octets that are not UTF-8."""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories of characters that control, reorder or hide text."""


def escape_undecodable(text: str) -> str:
    r"""Escape the octets of a file name that are not UTF-8, like ``\xff``; the result encodes.

    Python decodes such octets to lone surrogates (``surrogateescape``).
    """
    return (
        text if text.isascii() else re.sub("[\ud800-\udfff]", lambda match: _escape(match[0]), text)
    )


def escape_hidden(text: str) -> str:
    """Escape the control, format and bidirectional characters of a text, so that they show."""
    if text.isprintable():
        return text
    return "".join(
        _escape(each) if unicodedata.category(each) in _HIDDEN else each for each in text
    )


def _escape(character: str) -> str:
    """A character as a Python escape; a surrogate that stands for an octet as that octet."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
