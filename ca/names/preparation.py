"""Prepare text for comparing: RFC 4518 string preparation, PRECIS (RFC 8264), look-alikes.

Nearly every subject is ASCII, which needs no tables; the PRECIS library is loaded only for others.
"""

from __future__ import annotations

import re
import unicodedata

_ALPHABETS = frozenset(
    [
        "LATIN",
        "GREEK",
        "CYRILLIC",
        "ARMENIAN",
        "CHEROKEE",
        "COPTIC",
        "GEORGIAN",
        "HEBREW",
        "ARABIC",
        "LISU",
        "DESERET",
        "OSAGE",
        "TIFINAGH",
        "RUNIC",
        "GOTHIC",
        "GLAGOLITIC",
    ]
)
"""Alphabets that are never mixed in one word (UTS 39, 5.1), by the first word of the Unicode names
of their letters. East Asian scripts are not listed: they are written with Latin letters in between.
"""
_STYLES = ("<wide>", "<narrow>", "<font>", "<compat>")
_BLANK_GLYPHS = frozenset("\u2800\u1680")
"""Braille pattern blank and Ogham space mark, which are drawn as nothing."""
_WORD = re.compile(r"[^\W_]+")
_MAPPED_TO_NOTHING = frozenset("\u00ad\u034f\u1806\ufffc\u200b")
"""Characters that RFC 4518, 2.2 maps to nothing, besides controls, formats and selectors."""


def prohibited_character(text: str) -> tuple[str, str] | None:
    """The first character that no string may hold, and what it is: "invisible", "not assigned" ...

    The PRECIS FreeformClass (RFC 8264, 4.3) disallows controls, ignorable characters, private use,
    unassigned code points, noncharacters, old Hangul, and joiners outside their scripts.
    """
    if text.isascii() and text.isprintable():
        return None
    from precis_i18n import get_profile

    try:
        get_profile("FreeformClass").enforce(text)
    except UnicodeEncodeError as error:
        character = text[error.start : error.end] or text[-1]
        return character[0], _reason(character[0], error.reason)
    except UnicodeError:  # a rule about the whole text, as for joiners
        return text[0], "out of place"
    return None


def _reason(character: str, error: str) -> str:
    category = unicodedata.category(character)
    if category in ("Zl", "Zp") or ("ignorable" in error and category != "Cn"):
        return "invisible"
    names = {"Co": "for private use", "Cn": "not assigned", "Cc": "a control character"}
    return names.get(category, "out of place")


def look_alike_problem(text: str) -> str | None:
    """Why a text can look like another, as words that follow it; None if nothing is suspicious.

    Suspicious are blanks other than SPACE, characters that decompose (letters in another width or
    style, ligatures, separate accents), and words of two alphabets. A word that is wholly in
    another alphabet is not.
    """
    if text.isascii():
        return None
    if unicodedata.category(text[0]).startswith("M"):
        return "begins with a combining accent"
    for character in text:
        if character != " " and (
            unicodedata.category(character) == "Zs" or character in _BLANK_GLYPHS
        ):
            return f"has a blank that is not a SPACE (U+{ord(character):04X})"
        if _is_styled(character):
            plain = unicodedata.normalize("NFKC", character)
            return f"has U+{ord(character):04X}, which looks like '{plain}'"
    if unicodedata.normalize("NFC", text) != text:
        return "has accents separate from their letters (it is not in normalization form C)"
    mixed = mixed_alphabets(text)
    return f"mixes {mixed} in one word" if mixed else None


def _is_styled(character: str) -> bool:
    """Whether it is an ASCII letter or digit in another width or style."""
    if not unicodedata.decomposition(character).startswith(_STYLES):
        return False
    if unicodedata.category(character) not in ("Lu", "Ll", "Lo", "Lm", "Nd", "Nl"):
        return False
    plain = unicodedata.normalize("NFKC", character)
    return plain.isascii() and plain.isalnum()


def mixed_alphabets(text: str) -> str | None:
    """The alphabets of the first word that has several: "CYRILLIC and LATIN"; None if none has."""
    if text.isascii():
        return None
    for word in _WORD.findall(text):
        alphabets = {
            unicodedata.name(character, "").partition(" ")[0]
            for character in word
            if character.isalpha()
        } & _ALPHABETS
        if len(alphabets) > 1:
            return " and ".join(sorted(alphabets))
    return None


_SHAPES = {
    "o": "0\u043e\u03bf\u0585",
    "l": "1i|!\u04cf\u0456\u03b9\u0131\u0269",
    "a": "\u0430\u03b1\u0251",
    "e": "\u0435",
    "p": "\u0440\u03c1",
    "c": "\u0441\u03f2",
    "y": "\u0443\u03c5\u03b3",
    "x": "\u0445\u03c7",
    "s": "\u0455",
    "j": "\u0458\u03f3",
    "h": "\u04bb",
    "d": "\u0501",
    "q": "\u051b",
    "w": "\u051d\u0461\u03c9",
    "g": "\u0261",
    "v": "\u03bd\u0475",
    "n": "\u043f",
    "k": "\u03ba\u043a",
    "t": "\u03c4\u0442",
    "b": "\u044c\u0432",
    "m": "\u043c",
    "u": "\u057d",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212",
    "'": "\u2019\u2018`\u00b4",
}
"""Characters that look alike once case is folded, by their Latin letter: I, l and 1 are one, as
are o and 0. From the table of UTS 39, limited to those that look like Latin letters and digits."""
_SAME_SHAPE = str.maketrans({each: shape for shape, all_ in _SHAPES.items() for each in all_})


def comparison_key(text: str) -> str:
    """A key for comparing texts: those that look the same to a reader have the same key.

    As in RFC 4518, 2, characters mapped to nothing are removed, then NFKC, case folding and blanks
    are normalised; then the look-alikes of ``_SHAPES`` are replaced.
    """
    if not text.isascii() or not text.isprintable():
        kept = (each for each in text if not _is_ignorable(each))
        text = unicodedata.normalize("NFKC", "".join(kept))
    folded = unicodedata.normalize("NFKC", text.casefold()).translate(_SAME_SHAPE)
    return " ".join(folded.replace("rn", "m").replace("vv", "w").split())


def latin_twin(text: str) -> str | None:
    """The Latin text that a text wholly in another alphabet looks like, as "apple"; else None."""
    folded = text.casefold()
    twin = folded.translate(_SAME_SHAPE)
    letters = [each for each in folded if each.isalpha()]
    foreign = all(not unicodedata.name(each, "").startswith("LATIN") for each in letters)
    return twin if letters and foreign and twin.isascii() else None


def _is_ignorable(character: str) -> bool:
    if character in _MAPPED_TO_NOTHING or "\ufe00" <= character <= "\ufe0f":
        return True
    if unicodedata.category(character) in ("Cc", "Cf"):
        return not character.isspace()
    prohibition = prohibited_character(character)
    return prohibition is not None and prohibition[1] == "invisible" and not character.isspace()
