"""Subject attributes: bounds of X.520 in characters, and text that deceives nobody."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from ca.model.certificates import SubjectAttribute
from ca.model.findings import Finding, Violation, cases, rule, run
from ca.names.mistyped import prefixed, unknown_value
from ca.names.preparation import look_alike, prohibited
from ca.names.text import printable

BOUNDS = {
    "CN": 64,
    "O": 64,
    "OU": 64,
    "L": 128,
    "ST": 128,
    "STREET": 128,
    "title": 64,
    "SN": 64,
    "GN": 64,
    "serialNumber": 64,
    "emailAddress": 255,
    "DC": 63,
    "UID": 256,
}
"""Upper bounds in characters (RFC 5280, appendix A.1)."""
DEFAULT_BOUND = 256
_IA5 = re.compile("[\x20-\x7e]*"), "an IA5String, in ASCII alone"
_STRINGS = {
    "emailAddress": _IA5,
    "DC": _IA5,
    "serialNumber": (
        re.compile("[A-Za-z0-9 '()+,./:=?-]*"),
        "a PrintableString, of letters, digits, blanks and '()+,-./:=?",
    ),
}
"""Attribute types that are not written as UTF8String (C has a rule of its own)."""


def normal_country(value: str) -> str:
    """A country code as it is issued: ISO 3166 writes it in capitals."""
    return value.upper() if len(value) == 2 and value.isascii() else value


@rule("subject-bounds", "error", "RFC 5280 appendix A.1; X.520")
@cases("CN=sbc1.lab.example", "A CN of 65 characters.")
def bounds(each: SubjectAttribute) -> Violation | None:
    """An attribute has at most as many characters as X.520 allows: 64 for CN, O and OU."""
    most = BOUNDS.get(each.type, DEFAULT_BOUND)
    if len(each.value) <= most:
        return None
    hint = f"shorten {each.type} on the CSR page"
    if each.type == "CN":
        hint = "give a shorter --cn, and the long name with --san dns:NAME"
    return Violation(
        f"the subject's {each.type} has {len(each.value)} characters, {most} is the most", hint
    )


@rule("subject-country", "error", "RFC 5280 appendix A.1; ISO 3166-1")
@cases("C=NL", "C=Netherlands")
def country(each: SubjectAttribute) -> Violation | None:
    """The country is two letters."""
    if each.type != "C" or re.fullmatch("[A-Za-z]{2}", each.value, re.ASCII):
        return None
    return Violation(
        f"the subject's C '{printable(each.value)}' is not two letters",
        "US, DE, ...; or a profile of your own whose [subject] take lacks C",
    )


@rule("subject-encoding", "error", "RFC 5280 4.1.2.6; RFC 5280 appendix A.1; RFC 4519 2.4")
@cases("emailAddress=ops@lab.example", "emailAddress=öps@lab.example")
def encoding(each: SubjectAttribute) -> Violation | None:
    """An attribute written as IA5String or PrintableString holds only characters of that type."""
    allowed, string = _STRINGS.get(each.type, (None, ""))
    if allowed is None or allowed.fullmatch(each.value):
        return None
    return Violation(
        f"the subject's {each.type} '{printable(each.value)}' cannot be written: it is {string}",
        f"correct {each.type}, or leave it out of the profile's subject.take",
    )


@rule("subject-empty", "error", "X.520")
@cases("O=Acme", "O=")
def empty(each: SubjectAttribute) -> Violation | None:
    """No attribute is empty."""
    if each.value.strip():
        return None
    return Violation(f"the subject's {each.type} is empty", f"fill in {each.type}, or leave it out")


@rule("subject-blank-edge", "error", "RFC 4518 2.6.1")
@cases("O=Acme", "O=Acme<U+0020>")
def blank_edge(each: SubjectAttribute) -> Violation | None:
    """No attribute begins or ends with a blank, with which it looks like another name."""
    if each.value == each.value.strip() or not each.value.strip():
        return None
    return Violation(
        f"the subject's {each.type} '{printable(each.value)}' begins or ends with a blank",
        f"correct {each.type} on the CSR page" + (", or give --cn" if each.type == "CN" else ""),
    )


@rule("subject-control", "error", "RFC 4518 2.4; RFC 8264 9.12")
@cases("CN=sbc1.lab.example", "CN=sbc1.lab.example<U+0000>.evil.example")
def control(each: SubjectAttribute) -> Violation | None:
    """No attribute holds NUL, control characters or halves of surrogate pairs."""
    if each.value.isascii() and each.value.isprintable():
        return None
    if not any(unicodedata.category(character) in ("Cc", "Cs") for character in each.value):
        return None
    return Violation(
        f"the subject's {each.type} '{printable(each.value)}' holds control characters",
        _type_anew(each),
    )


@rule("subject-bidi", "error", "RFC 8264 9.13; UTR 36")
@cases("O=Acme", "O=Ac<U+202E>me")
def bidi(each: SubjectAttribute) -> Violation | None:
    """No attribute holds invisible or direction-changing characters."""
    found = prohibited(each.value)
    if found is None or found[1] != "invisible":
        return None
    return Violation(
        f"the subject's {each.type} '{printable(each.value)}' holds invisible "
        f"or direction-changing characters (U+{ord(found[0]):04X})",
        _type_anew(each),
    )


@rule("subject-characters", "error", "RFC 8264 4.3; RFC 4518 2.4")
@cases("O=Acme", "O=Acme<U+E000>")
def characters(each: SubjectAttribute) -> Violation | None:
    """No attribute holds characters that are unassigned, for private use or out of place."""
    found = prohibited(each.value)
    if found is None or found[1] == "invisible" or control.check(each):
        return None
    return Violation(
        f"the subject's {each.type} '{printable(each.value)}' holds U+{ord(found[0]):04X}, which "
        f"is {found[1]}",
        _type_anew(each),
    )


@rule("subject-look-alike", "error", "RFC 4518 2.3; UTS 39 5.1", allow=True)
@cases("O=Acme", "O=<U+0410>cme, with a Cyrillic A")
def looks_like_another(each: SubjectAttribute) -> Violation | None:
    """No attribute looks like another text by odd blanks, styled letters or mixed alphabets."""
    found = look_alike(each.value)
    if found is None or prohibited(each.value) or blank_edge.check(each):
        return None
    return Violation(
        f"the subject's {each.type} '{printable(each.value)}' {found}", _type_anew(each)
    )


def _type_anew(each: SubjectAttribute) -> str:
    return f"type {each.type} anew" + (", or give --cn" if each.type == "CN" else "")


SUBJECT_RULES = (
    bounds,
    country,
    encoding,
    empty,
    blank_edge,
    control,
    bidi,
    characters,
    looks_like_another,
    prefixed,
    unknown_value,
)


def check_subject(
    attributes: Collection[SubjectAttribute], allowed: Collection[str] = ()
) -> list[Finding]:
    """Judge every attribute of a subject."""
    told = frozenset(allowed)
    return [finding for each in attributes for finding in _judged(each, told)]


@lru_cache(maxsize=256)
def _judged(attribute: SubjectAttribute, allowed: frozenset[str]) -> tuple[Finding, ...]:
    """The devices of a lab share all attributes but the CN."""
    return tuple(run(SUBJECT_RULES, attribute, allowed))
