"""Findings, rules, the catalogue of all rules, and the one runner.

A rule is a function that takes the thing to judge and returns a violation, several, or None. Its
docstring describes the good case, and ``sipca rule list`` prints it; ``cases`` adds the examples
that ``sipca rule show`` prints. Its citations have the form that ``ca.model.citations`` parses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any, Literal, TypeVar, get_args

import msgspec

from ca.errors import ERRORS, BugError, CAError, Kind, attempt

Severity = Literal["info", "warning", "error"]
SEVERITIES: dict[Severity, int] = {word: weight for weight, word in enumerate(get_args(Severity))}
"""Severities by weight."""
Result = Literal["pass", "warn", "fail", "unknown"]
Basis = Literal["standard", "vendor", "inferred"]


class CertificateMarks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The certificate that something is about; absent where it is about none."""

    serial: str | None = None
    device: str | None = None
    context: int | None = None
    not_after: datetime | None = None


class Finding(CertificateMarks, frozen=True):
    """The result of a rule, for people and for scripts."""

    code: str
    severity: Severity
    result: Result
    message: str
    hint: str | None
    basis: Basis
    cites: str


class Violation(CertificateMarks, frozen=True):
    """What a rule objects to: a message as in ``ca.errors``, and optionally a next step."""

    message: str
    hint: str | None = None


Answer = Violation | Iterable[Violation] | None
Check = TypeVar("Check", bound=Callable[[Any], Answer])


class Rule(msgspec.Struct, frozen=True):
    """One rule of the catalogue; ``kind`` is the kind of error that a failure raises."""

    code: str
    severity: Severity
    cites: str
    meaning: str
    allow: bool
    basis: Basis
    kind: Kind
    check: Callable[[Any], Answer]
    looks_at: tuple[Slot, ...] | None = None
    """The slots that it looks at, if it judges certificates that are about to be signed."""

    @property
    def cases(self) -> tuple[str, str]:
        """An example that meets the rule and one that breaks it; empty if it has no ``@cases``."""
        return getattr(self.check, _CASES, ("", ""))

    def finding(self, violation: Violation, allowed: Collection[str] = ()) -> Finding:
        """Turn a violation into a finding; one that the operator allowed does not fail."""
        overridden = self.allow and self.code in allowed
        result: Result = _RESULTS[self.severity]
        message = violation.message
        if overridden:
            result = "warn" if self.severity == "error" else "pass"
            message = f"{message} (allowed by the operator)"
        return Finding(
            self.code, self.severity, result, message, violation.hint, self.basis, self.cites,
            serial=violation.serial, device=violation.device, context=violation.context,
            not_after=violation.not_after,
        )  # fmt: skip


_CASES = "cases"
_RESULTS: dict[Severity, Result] = {"info": "pass", "warning": "warn", "error": "fail"}

Slot = Literal["serial", "validity", "cn", "san", "key"]
"""What differs between certificates of one shape (``ca.issuance.shape``)."""

CATALOGUE: dict[str, Rule] = {}
"""All rules of the modules imported so far, by code."""


def rule(  # noqa: PLR0913 - a rule's declaration, all by keyword but the first three
    code: str,
    severity: Severity,
    cites: str,
    *,
    allow: bool = False,
    basis: Basis = "standard",
    kind: Kind = Kind.REFUSED,
    looks_at: tuple[Slot, ...] | None = None,
) -> Callable[[Callable[[Any], Answer]], Rule]:
    """Register a check in the catalogue under a code that no other rule has.

    A rule of ``CERTIFICATE_RULES`` declares in ``looks_at`` the slots that it looks at, or () if
    it looks only at what all certificates of a shape have in common.
    """

    def register(check: Callable[[Any], Answer]) -> Rule:
        if code in CATALOGUE and CATALOGUE[code].check.__module__ != check.__module__:
            raise ValueError(f"rule code {code!r} is taken")
        meaning = " ".join((check.__doc__ or "").split())
        entry = Rule(code, severity, cites, meaning, allow, basis, kind, check, looks_at)
        CATALOGUE[code] = entry
        return entry

    return register


def cases(good: str, bad: str) -> Callable[[Check], Check]:
    """Give a check an example that meets it and one that breaks it; written below ``@rule``."""

    def add(check: Check) -> Check:
        setattr(check, _CASES, (good, bad))
        return check

    return add


def run(rules: Iterable[Rule], subject: Any, allowed: Collection[str] = ()) -> list[Finding]:
    """Judge one subject by several rules and return the findings, in the order of the rules."""
    findings: list[Finding] = []
    for entry in rules:
        answer = entry.check(subject)
        if not answer:
            continue
        violations = (answer,) if isinstance(answer, Violation) else answer
        findings.extend(entry.finding(violation, allowed) for violation in violations)
    return findings


def about(findings: Iterable[Finding], marks: CertificateMarks) -> list[Finding]:
    """The findings, each saying which certificate it is about."""
    return [
        msgspec.structs.replace(
            each, serial=marks.serial, device=marks.device, context=marks.context,
            not_after=marks.not_after,
        )
        for each in findings
    ]  # fmt: skip


def run_all(
    rules: Iterable[Rule], subject: Any, on_bug: Callable[[BugError], None] | None = None
) -> list[Finding]:
    """Like ``run``, but a rule that raises yields an "unknown" finding and the others still run.

    ``on_bug`` is called with each error that is a bug of ours.
    """
    findings: list[Finding] = []
    for entry in rules:
        answer = attempt(run, (entry,), subject)
        if not isinstance(answer, CAError):
            findings += answer
            continue
        if on_bug is not None and isinstance(answer, BugError):
            on_bug(answer)
        message, basis = f"not judged: {answer.message}", entry.basis
        findings.append(
            Finding(entry.code, entry.severity, "unknown", message, answer.hint, basis, entry.cites)
        )
    return findings


def raise_failures(findings: Iterable[Finding], *, can_allow: bool = True) -> None:
    """Raise the first failed finding as an error of its rule's kind.

    ``can_allow``: whether the hint may suggest ``--allow`` where the rule can be overridden.

    Raises:
        CAError: one of the findings failed.
    """
    for finding in findings:
        if finding.result == "fail":
            failed = CATALOGUE[finding.code]
            hint = finding.hint
            if failed.allow and can_allow:
                override = f"--allow {finding.code} overrides this and is recorded"
                hint = f"{hint}; {override}" if hint else override
            error = ERRORS[failed.kind](finding.message, hint=hint)
            error.rule = finding.code
            raise error
