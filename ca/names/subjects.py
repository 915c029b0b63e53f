"""Rules for subject attributes: the upper bounds of X.520, and text that does not deceive."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from ca.model.certificates import SubjectAttribute
from ca.model.findings import Finding, Violation, cases, rule, run
from ca.names.mistyped import prefixed, unknown_value
from ca.names.preparation import look_alike_problem, prohibited_character
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
_IA5 = re.compile("[\x20-\x7e]*"), "an IA5String, which is ASCII only"
_STRINGS = {
    "emailAddress": _IA5,
    "DC": _IA5,
    "serialNumber": (
        re.compile("[A-Za-z0-9 '()+,./:=?-]*"),
        "a PrintableString, which has only letters, digits, blanks and '()+,-./:=?",
    ),
}
"""The attribute types that are not encoded as UTF8String: allowed characters, and string type. The
country has a rule of its own."""


def normal_country(value: str) -> str:
    """A country code in upper case, as ISO 3166 writes it."""
    return value.upper() if len(value) == 2 and value.isascii() else value


@rule("subject-bounds", "error", "RFC 5280 appendix A.1; X.520")
@cases("CN=sbc1.lab.example", "A CN of 65 characters.")
def bounds(attribute: SubjectAttribute) -> Violation | None:
    """An attribute has at most as many characters as X.520 allows: 64 for CN, O and OU."""
    maximum = BOUNDS.get(attribute.type, DEFAULT_BOUND)
    if len(attribute.value) <= maximum:
        return None
    hint = f"shorten {attribute.type} on the CSR page"
    if attribute.type == "CN":
        hint = "give a shorter --cn, and the long name with --san dns:NAME"
    return Violation(
        f"the subject's {attribute.type} has {len(attribute.value)} characters, but at most "
        f"{maximum} are allowed",
        hint,
    )


@rule("subject-country", "error", "RFC 5280 appendix A.1; ISO 3166-1")
@cases("C=NL", "C=Netherlands")
def country(attribute: SubjectAttribute) -> Violation | None:
    """The country is two letters."""
    if attribute.type != "C" or re.fullmatch("[A-Za-z]{2}", attribute.value, re.ASCII):
        return None
    return Violation(
        f"the subject's C '{printable(attribute.value)}' is not two letters",
        "give US, DE, ...; or use a profile of your own whose [subject] take lacks C",
    )


@rule("subject-encoding", "error", "RFC 5280 4.1.2.6; RFC 5280 appendix A.1; RFC 4519 2.4")
@cases("emailAddress=ops@lab.example", "emailAddress=öps@lab.example")
def encoding(attribute: SubjectAttribute) -> Violation | None:
    """An attribute written as IA5String or PrintableString holds only characters of that type."""
    allowed, string = _STRINGS.get(attribute.type, (None, ""))
    if allowed is None or allowed.fullmatch(attribute.value):
        return None
    return Violation(
        f"the subject's {attribute.type} '{printable(attribute.value)}' cannot be encoded as "
        f"{string}",
        f"correct {attribute.type}, or remove it from the profile's subject.take",
    )


@rule("subject-empty", "error", "X.520")
@cases("O=Acme", "O=")
def empty(attribute: SubjectAttribute) -> Violation | None:
    """No attribute is empty."""
    if attribute.value.strip():
        return None
    return Violation(
        f"the subject's {attribute.type} is empty", f"fill in {attribute.type}, or leave it out"
    )


@rule("subject-blank-edge", "error", "RFC 4518 2.6.1")
@cases("O=Acme", "O=Acme<U+0020>")
def blank_edge(attribute: SubjectAttribute) -> Violation | None:
    """No attribute begins or ends with a blank, with which it looks like another name."""
    if attribute.value == attribute.value.strip() or not attribute.value.strip():
        return None
    return Violation(
        f"the subject's {attribute.type} '{printable(attribute.value)}' begins or ends with a "
        "blank",
        f"correct {attribute.type} on the CSR page"
        + (", or give --cn" if attribute.type == "CN" else ""),
    )


@rule("subject-control", "error", "RFC 4518 2.4; RFC 8264 9.12")
@cases("CN=sbc1.lab.example", "CN=sbc1.lab.example<U+0000>.evil.example")
def control(attribute: SubjectAttribute) -> Violation | None:
    """No attribute holds NUL, control characters or halves of surrogate pairs."""
    if attribute.value.isascii() and attribute.value.isprintable():
        return None
    if not any(unicodedata.category(character) in ("Cc", "Cs") for character in attribute.value):
        return None
    return Violation(
        f"the subject's {attribute.type} '{printable(attribute.value)}' holds control characters",
        _retype_hint(attribute),
    )


@rule("subject-bidi", "error", "RFC 8264 9.13; UTR 36")
@cases("O=Acme", "O=Ac<U+202E>me")
def bidi(attribute: SubjectAttribute) -> Violation | None:
    """No attribute holds invisible or direction-changing characters."""
    prohibited = prohibited_character(attribute.value)
    if prohibited is None or prohibited[1] != "invisible":
        return None
    return Violation(
        f"the subject's {attribute.type} '{printable(attribute.value)}' holds invisible "
        f"or direction-changing characters (U+{ord(prohibited[0]):04X})",
        _retype_hint(attribute),
    )


@rule("subject-characters", "error", "RFC 8264 4.3; RFC 4518 2.4")
@cases("O=Acme", "O=Acme<U+E000>")
def characters(attribute: SubjectAttribute) -> Violation | None:
    """No attribute holds characters that are unassigned, for private use or out of place."""
    prohibited = prohibited_character(attribute.value)
    if prohibited is None or prohibited[1] == "invisible" or control.check(attribute):
        return None
    return Violation(
        f"the subject's {attribute.type} '{printable(attribute.value)}' holds "
        f"U+{ord(prohibited[0]):04X}, which is {prohibited[1]}",
        _retype_hint(attribute),
    )


@rule("subject-look-alike", "error", "RFC 4518 2.3; UTS 39 5.1", allow=True)
@cases("O=Acme", "O=<U+0410>cme, with a Cyrillic A")
def looks_like_another(attribute: SubjectAttribute) -> Violation | None:
    """No attribute looks like another text by odd blanks, styled letters or mixed alphabets."""
    problem = look_alike_problem(attribute.value)
    if problem is None or prohibited_character(attribute.value) or blank_edge.check(attribute):
        return None
    return Violation(
        f"the subject's {attribute.type} '{printable(attribute.value)}' {problem}",
        _retype_hint(attribute),
    )


def _retype_hint(attribute: SubjectAttribute) -> str:
    return f"type {attribute.type} again" + (", or give --cn" if attribute.type == "CN" else "")


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
    """Judge every attribute of a subject; ``allowed`` are codes of rules that are overridden."""
    overrides = frozenset(allowed)
    return [finding for attribute in attributes for finding in _findings(attribute, overrides)]


@lru_cache(maxsize=256)
def _findings(attribute: SubjectAttribute, allowed: frozenset[str]) -> tuple[Finding, ...]:
    """Cached, because the devices of a lab share all attributes except the CN."""
    return tuple(run(SUBJECT_RULES, attribute, allowed))
