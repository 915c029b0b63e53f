"""Decode ASN.1 character strings, also those that are not valid for their type."""

from __future__ import annotations

import re

from ca.encoding import der

CODECS = {
    der.UTF8_STRING: "utf-8",
    der.PRINTABLE_STRING: "ascii",
    der.IA5_STRING: "ascii",
    0x12: "ascii",  # NumericString
    0x1A: "ascii",  # VisibleString
    der.T61_STRING: "latin-1",
    der.BMP_STRING: "utf-16-be",
    der.UNIVERSAL_STRING: "utf-32-be",
}
"""The codec of each string type; TeletexString is in practice written as Latin-1."""
TYPE_NAMES = {
    der.UTF8_STRING: "UTF8String",
    der.PRINTABLE_STRING: "PrintableString",
    der.IA5_STRING: "IA5String",
    0x12: "NumericString",
    0x1A: "VisibleString",
    der.T61_STRING: "TeletexString",
    der.BMP_STRING: "BMPString",
    der.UNIVERSAL_STRING: "UniversalString",
}
PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,./:=?-]*", re.ASCII)
"""The characters of a PrintableString (X.680, 41.4)."""
_SHOWN = 32
_NO_STRING = "is not a character string"


def tolerant_text(node: der.Node) -> tuple[str, str | None, bool]:
    """The text of a string, what is odd about it or None, and whether openssl reads it.

    What is odd completes a sentence that begins with the name of the string. If openssl does not
    read the string, the text is a guess.
    """
    codec = CODECS.get(node.tag)
    if codec is None:  # an x500UniqueIdentifier is a BIT STRING, which is not text
        shown = hex_form(node.raw)
        return (shown, None, True) if node.tag == der.BIT_STRING else (shown, _NO_STRING, False)
    kind = TYPE_NAMES[node.tag]
    try:
        text = node.contents.decode(codec)
    except UnicodeDecodeError:
        text, how = guess_text(node.contents)
        odd = f"has octets that are not valid in a {kind}; it was read as {how}"
        return text, odd, codec == "ascii"
    if node.tag == der.PRINTABLE_STRING and not PRINTABLE.fullmatch(text):
        return text, f"has characters that are not valid in a {kind}", True
    if node.tag == der.T61_STRING and not text.isascii():
        return text, f"is a {kind}; it was read as Latin-1", True
    return text, None, True


def hex_form(octets: bytes) -> str:
    """Octets that are not text, as RFC 4514, 2.4 writes them, cut after 32 octets."""
    return f"#{octets[:_SHOWN].hex()}" + ("..." if len(octets) > _SHOWN else "")


def guess_text(octets: bytes) -> tuple[str, str]:
    """Decode text that is not in its proper charset; the text, and the charset used instead."""
    try:
        return octets.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return octets.decode("latin-1"), "Latin-1"
