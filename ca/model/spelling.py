"""Text that may hold octets which are no text, as Python carries them: surrogates."""

from __future__ import annotations

import re


def spelled(text: str) -> str:
    r"""Text that can be UTF-8: octets of a file name that are none are spelled out, as ``\xff``."""
    return text if text.isascii() else re.sub("[\ud800-\udfff]", _octet, text)


def _octet(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
