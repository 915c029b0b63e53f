"""Typical mistakes in a subject: a type before the value, or a tool's word for an empty value."""

from __future__ import annotations

import re

from ca.model.certificates import SubjectAttribute
from ca.model.findings import Violation, cases, rule
from ca.names.general import infer_general_name
from ca.names.text import printable

_TYPES = "CN|OU|O|L|ST|S|C|DC|UID|SN|GN|STREET|E|emailAddress|serialNumber"
_OWN_TYPE = rf"(?ai)\s*/?(?:{_TYPES})\s*="  # rare: compiled when met
_OWN_KIND = (
    r"(?ai)\s*(?:(?:DNS|IP|IP Address|URI|URL|EMAIL|SAN|subjectAltName)\s*[:=]|(?:https?|sips?):)"
)
_CN_INSIDE = r"(?ai)(?:^|[\s,/;])CN\s*=\s*(?P<value>[^\s,/;]+)"


@rule("subject-prefix", "warning", "RFC 5280 4.1.2.4; targets 9")
@cases("CN=sbc1.lab.example", "CN=CN=sbc1.lab.example")
def prefixed(attribute: SubjectAttribute) -> Violation | None:
    """An attribute's value does not begin with a type of its own."""
    if "=" not in attribute.value and ":" not in attribute.value:
        return None  # nearly always
    prefix = re.match(_OWN_TYPE, attribute.value) or (
        attribute.type == "CN" and re.match(_OWN_KIND, attribute.value)
    )
    if not prefix:
        return None
    cn_inside = re.search(_CN_INSIDE, attribute.value)
    rest = attribute.value[prefix.end() :].strip().strip("/")
    value = cn_inside["value"] if cn_inside else rest
    hint = f"enter only the value of {attribute.type} in its field"
    if attribute.type == "CN" and infer_general_name(value) is not None:
        hint = f"--cn {value} takes its place"
    shown = printable(attribute.value)
    return Violation(
        f"the subject's {attribute.type} '{shown}' begins with '{prefix[0].strip()}': "
        f"the certificate would have {attribute.type}={shown}",
        hint,
    )


@rule("subject-unknown", "warning", "profiles 2", basis="inferred")
@cases("O=Acme", "O=Unknown")
def unknown_value(attribute: SubjectAttribute) -> Violation | None:
    """No attribute is "Unknown", which Java's keytool writes for what was left empty."""
    if attribute.value != "Unknown":
        return None
    return Violation(
        f"the subject's {attribute.type} is 'Unknown', which keytool writes if nothing was entered",
        f"a profile of your own whose [subject] take lacks {attribute.type} leaves it out"
        if attribute.type != "CN"
        else "--cn NAME takes its place",
    )
