"""Findings about names that the operator gave, in the words in which they were given."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from ca.model.certificates import GeneralName
from ca.model.findings import Finding
from ca.model.wishes import SigningWishes
from ca.names.general import retype
from ca.names.text import printable

_SAN = re.compile(r"the (?:CSR's )?SAN [A-Za-z]+(?: name)? '")
_CN = re.compile(r"the (?:subject's )?CN ('?)")
_OF_REQUEST = ("CSR", "--cn", "--san", "--fix-san", "--replace-san")
"""Words of hints that advise about a name in a request."""


def about_given_san(
    findings: Iterable[Finding], name: GeneralName, wishes: SigningWishes
) -> list[Finding]:
    """The findings about a name, each saying where the operator gave it, not that a CSR has it."""
    said = wishes.said("san", str(name), name.value)
    return [
        msgspec.structs.replace(
            each, message=_said(each.message, name.value, said), hint=_hint(each, name, wishes)
        )
        for each in findings
    ]


def about_given_cn(findings: Iterable[Finding], wishes: SigningWishes) -> list[Finding]:
    """The findings, where they are about the CN that the operator gave, in those words."""
    if wishes.cn is None:
        return list(findings)
    return [_about_cn(each, wishes.cn, wishes) for each in findings]


def _about_cn(finding: Finding, cn: str, wishes: SigningWishes) -> Finding:
    said = wishes.said("cn", cn, cn)
    start = _CN.match(finding.message)
    message = _said(finding.message.removeprefix("from the CN: "), cn, said)
    if start and not start[1]:
        message = f"{wishes.said('cn', '', '').strip(' :')} {finding.message[start.end() :]}"
    if message == finding.message:
        return finding
    advice = finding.hint or ""
    if "CSR" in advice or "--cn NAME" in advice:
        advice = "give the name that peers dial"
    return msgspec.structs.replace(finding, message=message, hint=advice or None)


def _said(message: str, value: str, said: str) -> str:
    """A message that begins with what a request holds, beginning with what was given."""
    start = _SAN.match(message) or _CN.match(message)
    if start is None:
        return message
    rest = message[start.end() :]
    for shown in (printable(value), printable(value, 40)):
        if rest.startswith(f"{shown}' "):
            return f"{said}{rest[len(shown) + 1 :]}"
    return message


def _hint(finding: Finding, name: GeneralName, wishes: SigningWishes) -> str | None:
    hint = finding.hint or ""
    if not any(word in hint for word in _OF_REQUEST):
        return finding.hint
    fixed = retype(name) if finding.severity == "error" else None
    if fixed is not None:
        meant = wishes.said("san", str(fixed), fixed.value) if wishes.from_options else str(fixed)
        return f"did you mean {meant}?"
    if "of your own" in hint:
        return hint.replace(" on the device's CSR page", "")
    return "give the name that peers dial" if wishes.from_options else "correct the name"
