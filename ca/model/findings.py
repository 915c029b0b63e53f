"""Findings, rules, the catalogue of all rules, and the one runner.

A rule is a function from the thing judged to a violation, several, or None. Its docstring says
what holds where the rule is met, as ``sipca rule list`` prints it; ``cases`` adds what ``sipca
rule show`` prints besides. What a rule cites has the form that ``ca.model.citations`` reads.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Literal, TypeVar, get_args

import msgspec

from ca.errors import ERRORS, BugError, CAError, Kind, attempt

Severity = Literal["info", "warning", "error"]
SEVERITIES: dict[Severity, int] = {word: weight for weight, word in enumerate(get_args(Severity))}
"""Severities by weight."""
Result = Literal["pass", "warn", "fail", "unknown"]
Basis = Literal["standard", "vendor", "inferred"]


class Finding(msgspec.Struct, frozen=True):
    """What a rule found, for people and for scripts."""

    code: str
    severity: Severity
    result: Result
    message: str
    hint: str | None
    basis: Basis
    cites: str


class Violation(msgspec.Struct, frozen=True):
    """What a rule objects to: one sentence as in ``ca.errors``, and perhaps a next step."""

    message: str
    hint: str | None = None


Answer = Violation | Iterable[Violation] | None
Check = TypeVar("Check", bound=Callable[[Any], Answer])


class Rule(msgspec.Struct, frozen=True):
    """One rule of the catalogue; ``kind`` is the error's kind when it fails."""

    code: str
    severity: Severity
    cites: str
    meaning: str
    allow: bool
    basis: Basis
    kind: Kind
    check: Callable[[Any], Answer]

    @property
    def cases(self) -> tuple[str, str]:
        """What meets the rule, and what breaks it; empty where the check names no cases."""
        return getattr(self.check, _CASES, ("", ""))

    def finding(self, violation: Violation, allowed: Collection[str] = ()) -> Finding:
        """The finding for one violation; an allowed error becomes a warning that says so."""
        forgiven = self.allow and self.code in allowed
        result: Result = _RESULTS[self.severity]
        message = violation.message
        if forgiven:
            result = "warn" if self.severity == "error" else "pass"
            message = f"{message} (allowed by the operator)"
        return Finding(
            self.code, self.severity, result, message, violation.hint, self.basis, self.cites
        )


_CASES = "cases"
_RESULTS: dict[Severity, Result] = {"info": "pass", "warning": "warn", "error": "fail"}

CATALOGUE: dict[str, Rule] = {}
"""Every rule of the modules imported so far, by code."""


def rule(
    code: str,
    severity: Severity,
    cites: str,
    *,
    allow: bool = False,
    basis: Basis = "standard",
    kind: Kind = Kind.REFUSED,
) -> Callable[[Callable[[Any], Answer]], Rule]:
    """Enter a check into the catalogue under a code that no other rule has."""

    def register(check: Callable[[Any], Answer]) -> Rule:
        if code in CATALOGUE and CATALOGUE[code].check.__module__ != check.__module__:
            raise ValueError(f"rule code {code!r} is taken")
        meaning = " ".join((check.__doc__ or "").split())
        entry = Rule(code, severity, cites, meaning, allow, basis, kind, check)
        CATALOGUE[code] = entry
        return entry

    return register


def cases(good: str, bad: str) -> Callable[[Check], Check]:
    """Give a check an example that meets it and one that breaks it; stands below ``@rule``."""

    def add(check: Check) -> Check:
        setattr(check, _CASES, (good, bad))
        return check

    return add


def run(rules: Iterable[Rule], subject: Any, allowed: Collection[str] = ()) -> list[Finding]:
    """Judge one thing by several rules; only what was found is returned, in rule order."""
    findings: list[Finding] = []
    for rule in rules:
        answer = rule.check(subject)
        if not answer:
            continue
        violations = (answer,) if isinstance(answer, Violation) else answer
        findings.extend(rule.finding(violation, allowed) for violation in violations)
    return findings


def run_all(
    rules: Iterable[Rule], subject: Any, on_bug: Callable[[BugError], None] | None = None
) -> list[Finding]:
    """As ``run``, but a rule that breaks stops no other: it is not judged, and says so."""
    findings: list[Finding] = []
    for rule in rules:
        answer = attempt(run, (rule,), subject)
        if not isinstance(answer, CAError):
            findings += answer
            continue
        if on_bug is not None and isinstance(answer, BugError):
            on_bug(answer)
        message, basis = f"not judged: {answer.message}", rule.basis
        findings.append(
            Finding(rule.code, rule.severity, "unknown", message, answer.hint, basis, rule.cites)
        )
    return findings


def raise_failures(findings: Iterable[Finding], *, can_allow: bool = True) -> None:
    """Raise the first failure as an error of its rule's kind.

    ``can_allow``: the hint names the override, if there is one.

    Raises:
        CAError: of the kind that the failed rule names.
    """
    for finding in findings:
        if finding.result == "fail":
            failed = CATALOGUE[finding.code]
            hint = finding.hint
            if failed.allow and can_allow:
                override = f"--allow {finding.code} overrides this and is recorded"
                hint = f"{hint}; {override}" if hint else override
            raise ERRORS[failed.kind](finding.message, hint=hint)
