"""Decide the subject: which attributes of the request are issued, and in which form."""

from __future__ import annotations

from functools import lru_cache

from ca.csr.rules import undecodable_name
from ca.errors import PolicyError
from ca.issuance.given_names import about_given_cn
from ca.issuance.order import Order
from ca.model.account import Decision, FieldAccount
from ca.model.certificates import SubjectAttribute, subject_text
from ca.model.findings import Finding, Violation, cases, rule, run
from ca.names.preparation import comparison_key
from ca.names.subjects import check_subject, normal_country

Subject = tuple[SubjectAttribute, ...]


@rule("subject-is-ca", "error", "RFC 5280 4.1.2.4; RFC 5280 6.1; RFC 5280 7.1; RFC 4518 2")
@cases(
    'CN=sbc1.lab.example below the CA "Acme Voice Lab"',
    "CN=Acme Voice Lab Root for a device of that CA",
)
def subject_is_ca(pair: tuple[Subject, tuple[Subject, ...]]) -> Violation | None:
    """The subject neither is nor looks like the name of the CA itself."""
    subject, ca_subjects = pair
    same_length = [each for each in ca_subjects if len(each) == len(subject)]
    if not same_length:
        return None
    own = _compared(subject)
    for ca_subject in same_length:
        if own == _compared_once(ca_subject):
            relation = "is" if _folded(subject) == _folded(ca_subject) else "looks like"
            return Violation(
                f"the subject {relation} the name of this CA itself: {subject_text(ca_subject)}",
                "give the device its own CN with --cn",
            )
    return None


def _folded(subject: Subject) -> list[tuple[str, str]]:
    """A form in which two spellings of the same name are equal (RFC 5280, 7.1)."""
    return [(each.type, " ".join(each.value.split()).casefold()) for each in subject]


def _compared(subject: Subject) -> list[tuple[str, str]]:
    """A form in which two names that look alike to people are equal, in any order."""
    return sorted((each.type, comparison_key(each.value)) for each in subject)


@lru_cache(maxsize=64)
def _compared_once(ca_subject: Subject) -> list[tuple[str, str]]:
    return _compared(ca_subject)


@rule("subject-required", "error", "RFC 5280 4.1.2.6; targets 4")
@cases("CN=sbc1.lab.example", "A CSR with an empty subject.")
def subject_required(pair: tuple[Subject, tuple[str, ...]]) -> list[Violation]:
    """The subject has a CN and the attributes that the profile requires."""
    subject, required = pair
    present = {each.type for each in subject}
    return [
        Violation(
            f"the subject has no {name}",
            "give one with --cn NAME" if name == "CN" else f"set {name} on the device's CSR page",
        )
        for name in required
        if name not in present
    ]


def decide_subject(order: Order) -> tuple[Decision[Subject], list[Finding]]:
    """Take the attributes that the profile allows, in the request's order; ``--cn`` sets the CN."""
    profile, wishes = order.profile, order.wishes
    asked = _with_given_cn(order.request.subject, wishes.cn)
    flaws = order.request.subject_flaws
    flawed = [flaw for flaw in flaws if flaw.field == "subject"]
    subject: list[SubjectAttribute] = []
    lines: list[FieldAccount] = []
    for before, attribute in asked:
        field = f"subject.{attribute.type}"
        old = before.value if before else None
        if attribute.type not in profile.subject.take:
            lines.append(FieldAccount(field, old, None, "refused", f"profile {profile.name}"))
            continue
        if attribute.type == "CN" and any(each.type == "CN" for each in subject):
            lines.append(FieldAccount(field, old, None, "refused", "one-cn"))
            continue
        if flaws and before is attribute:  # not one from the command line
            flawed += [f for f in flaws if (f.field, f.text) == (field, attribute.value)]
        value = normal_country(attribute.value) if attribute.type == "C" else attribute.value
        subject.append(SubjectAttribute(attribute.type, value))
        lines.append(
            _line(field, old, value, given=attribute.type == "CN" and wishes.cn is not None)
        )
    taken = tuple(subject)
    findings = [finding for flaw in flawed for finding in run([undecodable_name], flaw)]
    findings += about_given_cn(check_subject(taken, wishes.allow), wishes)
    findings += run([subject_required], (taken, profile.subject.require))
    if profile.role != "root":
        findings += run([subject_is_ca], (taken, order.ca_subjects))
    return Decision(taken, tuple(lines)), findings


def _with_given_cn(
    subject: Subject, cn: str | None
) -> list[tuple[SubjectAttribute | None, SubjectAttribute]]:
    pairs: list[tuple[SubjectAttribute | None, SubjectAttribute]] = [
        (each, each) for each in subject
    ]
    if cn is None:
        return pairs
    if not cn.strip():
        raise PolicyError(
            "--cn is empty", hint="give a name, or leave --cn out", rule="subject-empty"
        )
    given = SubjectAttribute("CN", cn)
    for place, (before, _) in enumerate(pairs):
        if before and before.type == "CN":
            pairs[place] = (before, given)
            return pairs
    return [(None, given), *pairs]


def _line(field: str, old: str | None, value: str, *, given: bool) -> FieldAccount:
    if old == value:
        return FieldAccount(field, old, value, "taken", "subject")
    how = "added" if old is None else "changed"
    return FieldAccount(field, old, value, how, "--cn" if given else "country-upper-case")  # type: ignore[arg-type]
