"""Read the subject of a request as text; a deviation is repaired and reported, or is a flaw."""

from __future__ import annotations

import re

from ca.csr.request import Flaw
from ca.encoding import der
from ca.encoding.oids import ATTRIBUTE_TYPES
from ca.encoding.strings import CODECS, PRINTABLE, hex_form
from ca.errors import MalformedError
from ca.model.certificates import SubjectAttribute
from ca.names.text import printable

MAX_ATTRIBUTES = 64
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def read_name(
    node: der.Node, repairs: list[str], flaws: list[Flaw]
) -> tuple[SubjectAttribute, ...]:
    """The first ``MAX_ATTRIBUTES`` attributes of a name, in its order; more are a flaw.

    Raises:
        MalformedError: it is not a sequence of sets of types and values.
    """
    if node.tag != der.SEQUENCE:
        raise MalformedError("the CSR's subject is not a name")
    attributes: list[SubjectAttribute] = []
    left_out = 0
    for rdn in node.children():
        values = rdn.children()
        if rdn.tag != der.SET:
            raise MalformedError("the CSR's subject is not a sequence of sets")
        if not values:
            repairs.append("an empty RDN of the subject was skipped")
        if len(values) > 1:
            repairs.append("a multi-valued RDN of the subject was split up")
        for value in values:
            if len(attributes) == MAX_ATTRIBUTES:
                left_out += 1
                continue
            attribute, its_repairs, its_flaws = _attribute(value)
            attributes.append(attribute)
            repairs += its_repairs
            flaws += its_flaws
    if left_out:
        problem = f"the CSR's subject has more than {MAX_ATTRIBUTES} attributes"
        flaws.append(Flaw("subject", f"{left_out} more attributes", problem))
    return tuple(attributes)


Attribute = tuple[SubjectAttribute, tuple[str, ...], tuple[Flaw, ...]]


@der.read_once
def _attribute(node: der.Node) -> Attribute:
    """An attribute, its repairs and flaws; cached, because devices share all but the CN."""
    pair = node.children() if node.tag == der.SEQUENCE else []
    if len(pair) != 2:
        raise MalformedError("an attribute of the CSR's subject is not a type and a value")
    oid = der.oid(pair[0])
    short = ATTRIBUTE_TYPES.get(oid, oid)
    what = f"the subject's {short}"
    repairs: list[str] = []
    text, problem = _string(pair[1], what, repairs)
    if problem is None and CONTROL.search(text):
        text = printable(text)
        problem = f"{what} '{text}' holds control characters"
    if problem is None:
        return SubjectAttribute(short, text), tuple(repairs), ()
    hint = f"correct {short} on the CSR page, or sign with a profile whose [subject] take omits it"
    if short == "CN":
        hint = "--cn NAME takes its place"
    flaw = Flaw(f"subject.{short}", text, problem, hint)
    return SubjectAttribute(short, text), tuple(repairs), (flaw,)


def _string(node: der.Node, what: str, repairs: list[str]) -> tuple[str, str | None]:
    """The text of a string and None; or a hex form to show, and the reason it does not decode."""
    codec = CODECS.get(node.tag)
    if codec is None:
        return hex_form(node.raw), f"{what} is not a character string (tag {node.tag})"
    try:
        text = node.contents.decode(codec)
    except UnicodeDecodeError:
        shown = printable(node.contents.decode(codec, "backslashreplace"))
        return shown, f"{what} '{shown}' is not valid {codec.upper()} text"
    if node.tag == der.PRINTABLE_STRING and not PRINTABLE.fullmatch(text):
        repairs.append(
            f"{what} has characters that its PrintableString must not hold; they were read"
        )
    if node.tag == der.T61_STRING and not text.isascii():
        repairs.append(f"{what} is a TeletexString; it was read as Latin-1")
    return text, None
