"""Rules about names in the subject, which a peer may compare even if the SAN lacks them."""

from __future__ import annotations

from ca.issuance.order import Order
from ca.model.certificates import GeneralName, SubjectAttribute
from ca.model.findings import Finding, Violation, cases, rule, run
from ca.names.constraints import constraint_problem, names_in_subject
from ca.names.general import fold, wildcard_name
from ca.names.hosts import address_problem, as_address, host_problem
from ca.names.text import printable


@rule("cn-wildcard", "error", "RFC 9525 6.3; RFC 5922 7.2")
@cases("CN=*.lab.example", "CN=sbc*.lab.example")
def cn_wildcard(cn: str) -> Violation | None:
    """A * in a CN is the whole left-most label of a host name, since a peer may compare the CN."""
    if "*" not in cn or host_problem(cn, underscore=True) is None:
        return None
    return Violation(
        f"the CN '{printable(cn)}' has a * that is not the whole left-most label of a host name",
        "give another with --cn; a wildcard is written as *.lab.example",
    )


@rule("cn-address", "error", "RFC 1122 3.2.1.3; RFC 4291 2.5.2; RFC 4291 2.5.5; RFC 4291 2.7")
@cases("CN=10.4.0.20", "CN=0.0.0.0")
def cn_address(name: GeneralName) -> Violation | None:
    """A CN that is an address is one that can be dialled."""
    problem = address_problem(name.value) if name.kind == "ip" else None
    return (
        Violation(f"the CN's {name.value} {problem}", "give another with --cn") if problem else None
    )


@rule("outside-name-constraints", "error", "RFC 5280 4.2.1.10")
@cases(
    "dns:sbc1.lab.example from a CA made with --permit-dns lab.example",
    "dns:sbc1.other.example from the same CA",
)
def outside_constraints(pair: tuple[tuple[GeneralName, ...], Order]) -> list[Violation]:
    """Every name, also in the subject, is permitted by the name constraints of the issuing CA."""
    names, order = pair
    facts = order.issuer.facts
    if facts is None or not (facts.permitted_dns or facts.permitted_ip):
        return []
    problems = (constraint_problem(name, facts.permitted_dns, facts.permitted_ip) for name in names)
    return [
        Violation(
            problem, f"give names that --permit-dns/--permit-ip of '{order.issuer.name}' allow"
        )
        for problem in problems
        if problem
    ]


@rule("cn-address-constrained", "warning", "RFC 5280 4.2.1.10; profiles 4")
@cases(
    "CN=10.4.0.20 with dns:sbc1.lab.example",
    "CN=10.4.0.20 with ip:10.4.0.20 alone, which OpenSSL refuses",
)
def address_alone(pair: tuple[tuple[GeneralName, ...], Order]) -> Violation | None:
    """Below a CA with DNS constraints, a CN that is an IPv4 address has a host name beside it."""
    names, order = pair
    facts = order.issuer.facts
    if facts is None or not facts.permitted_dns or any(each.kind == "dns" for each in names):
        return None
    return Violation(
        "the CN is an address without a host name beside it: OpenSSL compares such a CN with the "
        "issuing CA's --permit-dns and refuses the certificate",
        "add a host name with --san dns:NAME, or give a --cn with a space in it",
    )


def judge_names_in_subject(
    order: Order, subject: tuple[SubjectAttribute, ...], san: tuple[GeneralName, ...]
) -> list[Finding]:
    """Findings about the CN and e-mail addresses in a subject that the SAN does not repeat."""
    if order.profile.role != "end-entity":
        return run([outside_constraints], (san, order))
    names = {each.value for each in san}
    address_cns = [
        each
        for each in subject
        if each.type == "CN" and "." in each.value and as_address(each.value)
    ]
    about_address = run([address_alone], (san, order)) if address_cns else []
    beside_san = tuple(each for each in subject if each.value not in names)
    if not any(each.type in ("CN", "emailAddress") for each in beside_san):
        return about_address + run([outside_constraints], (san, order))  # nearly always
    allowed, folded = order.wishes.allow, {fold(each) for each in san}
    findings: list[Finding] = list(about_address)
    for cn in (each.value for each in beside_san if each.type == "CN"):
        findings += run([cn_wildcard], cn)
        name = GeneralName("dns", cn)
        if (
            not order.profile.san.wildcard
            and len(findings) == len(about_address)
            and fold(name) not in folded
        ):
            findings += run([wildcard_name], name, allowed)
    more_names = tuple(each for each in names_in_subject(beside_san) if fold(each) not in folded)
    for subject_name in more_names:
        findings += run([cn_address], subject_name)
    return findings + run([outside_constraints], ((*san, *more_names), order))
