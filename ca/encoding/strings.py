"""Character strings of ASN.1 as text, also where they are not what their type says."""

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
"""How each type of string is decoded; TeletexString as everybody has written it."""
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
"""What a PrintableString may hold (X.680, 41.4)."""
_SHOWN = 32
_NO_STRING = "is no character string"


def tolerant_text(node: der.Node) -> tuple[str, str | None, bool]:
    """The text of a string, what is odd about it, and whether openssl reads it.

    What is odd is to be put behind the name of the string; where openssl reads none, it is a guess.
    """
    codec = CODECS.get(node.tag)
    if codec is None:  # a x500UniqueIdentifier is a BIT STRING, and means no text
        shown = hex_form(node.raw)
        return (shown, None, True) if node.tag == der.BIT_STRING else (shown, _NO_STRING, False)
    kind = TYPE_NAMES[node.tag]
    try:
        text = node.contents.decode(codec)
    except UnicodeDecodeError:
        text, how = guessed(node.contents)
        odd = f"is not what a {kind} may hold; it was read as {how}"
        return text, odd, codec == "ascii"
    if node.tag == der.PRINTABLE_STRING and not PRINTABLE.fullmatch(text):
        return text, f"has characters that its {kind} must not hold", True
    if node.tag == der.T61_STRING and not text.isascii():
        return text, f"is a {kind}; it was read as Latin-1", True
    return text, None, True


def hex_form(octets: bytes) -> str:
    """Octets that are no text, as RFC 4514, 2.4 writes them; bounded."""
    return f"#{octets[:_SHOWN].hex()}" + ("..." if len(octets) > _SHOWN else "")


def guessed(octets: bytes) -> tuple[str, str]:
    """Text that is not in the charset that it should be in, and the charset it was read as."""
    try:
        return octets.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return octets.decode("latin-1"), "Latin-1"
