"""What stands in a subject by mistake: a type before the value, a tool's word for nothing."""

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
def prefixed(each: SubjectAttribute) -> Violation | None:
    """An attribute's value does not begin with a type of its own."""
    if "=" not in each.value and ":" not in each.value:
        return None  # nearly always
    found = re.match(_OWN_TYPE, each.value) or (
        each.type == "CN" and re.match(_OWN_KIND, each.value)
    )
    if not found:
        return None
    inside = re.search(_CN_INSIDE, each.value)
    rest = each.value[found.end() :].strip().strip("/")
    meant = inside["value"] if inside else rest
    hint = f"type the value of {each.type} alone into its field"
    if each.type == "CN" and infer_general_name(meant) is not None:
        hint = f"--cn {meant} takes its place"
    shown = printable(each.value)
    return Violation(
        f"the subject's {each.type} '{shown}' begins with '{found[0].strip()}': "
        f"it would stand in the certificate as {each.type}={shown}",
        hint,
    )


@rule("subject-unknown", "warning", "profiles 2", basis="inferred")
@cases("O=Acme", "O=Unknown")
def unknown_value(each: SubjectAttribute) -> Violation | None:
    """No attribute is "Unknown", which Java's keytool writes for what was left empty."""
    if each.value != "Unknown":
        return None
    return Violation(
        f"the subject's {each.type} is 'Unknown', which keytool writes where nothing was typed",
        f"a profile of your own whose [subject] take lacks {each.type} leaves it out"
        if each.type != "CN"
        else "--cn NAME takes its place",
    )
