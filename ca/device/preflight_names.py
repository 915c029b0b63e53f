"""A certificate's names by the rules of requests: what would be refused there fails here.

What the operator may override at signing (a wildcard, an underscore), and schemes that a profile
may take, is there on purpose in a certificate: it is warned of.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ca.device.upload import Upload
from ca.model.certificates import GeneralName
from ca.model.findings import CATALOGUE, Finding, Violation, cases, rule
from ca.names.constraints import constraint_problem, names_in_subject
from ca.names.general import check_general_name
from ca.names.sip import sip_uri_user
from ca.names.subjects import check_subject
from ca.names.uris import scheme_of
from ca.verification import chain_to_root

_SAID_BY_PREFLIGHT_SAN = ("san-email-no-at",)
_ANOTHERS_CHOICE = ("san-uri-scheme",)
_SIP_DOMAIN = "id-kp-sipDomain"
_WORDS = {
    "wildcard": "is a wildcard, which SIP peers do not match (RFC 5922, 7.2)",
    "wildcard-broad": "is a wildcard below a single label, which most verifiers match with nothing",
}


@rule("preflight-name", "error", "RFC 5280 4.2.1.6; RFC 1123 2.1; RFC 3986 3.2")
@cases("dns:sbc1.lab.example", "dns:sbc1.lab.example:5061")
def name(upload: Upload) -> Iterator[Violation]:
    """Each name in the SAN is well formed and can be dialled."""
    for each, finding in _found(upload):
        if finding.severity == "error" and not _is_a_choice(finding):
            yield _violation(upload, each, finding)


@rule("preflight-name-unusual", "warning", "RFC 5922 7.2; RFC 9525 6.3; RFC 1123 2.1")
@cases("dns:sbc1.lab.example", "dns:*.lab.example")
def unusual_name(upload: Upload) -> Iterator[Violation]:
    """No name is a wildcard, has an underscore, or is accepted by few peers."""
    for each, finding in _found(upload):
        if finding.severity != "error" or _is_a_choice(finding):
            yield _violation(upload, each, finding)
    for finding in check_subject(upload.device.facts.subject):
        yield Violation(finding.message, f"{upload.target.pages.csr}: type it anew")


@rule("preflight-sip-uri-user", "error", "RFC 5922 7.1; RFC 5924 3")
@cases("uri:sip:lab.example", "uri:sip:alice@lab.example")
def sip_domain_uri_user(upload: Upload) -> Iterator[Violation]:
    """In a SIP domain certificate every URI is sip:DOMAIN, without user, address, port or
    parameters.
    """
    if _SIP_DOMAIN in upload.device.facts.extended_key_usage:
        yield from _no_domains(upload)


@rule("preflight-sip-uri-no-domain", "warning", "RFC 5922 7.1")
@cases("uri:sip:lab.example", "uri:sip:lab.example:5061")
def sip_uri_no_domain(upload: Upload) -> Iterator[Violation]:
    """Every sip: URI names a domain and nothing else, as a strict peer reads it."""
    if _SIP_DOMAIN not in upload.device.facts.extended_key_usage:
        yield from _no_domains(upload)


@rule("preflight-constraints", "error", "RFC 5280 4.2.1.10")
@cases(
    "dns:sbc1.lab.example below a CA for lab.example", "dns:sbc1.other.example below the same CA"
)
def constraints(upload: Upload) -> Iterator[Violation]:
    """Every name, also in the CN, is permitted by the name constraints of the CAs above."""
    facts = upload.device.facts
    if upload.trust is None:
        return
    issuers, _ = chain_to_root(facts, upload.trust.members)
    for issuer in issuers:
        dns = tuple(each.lstrip(".").casefold() for each in issuer.permitted_dns)
        limits = {"dns": (dns, ()), "ip": ((), issuer.permitted_ip)}
        for each in dict.fromkeys((*facts.san, *names_in_subject(facts.subject))):
            within = limits.get(each.kind)
            if within and any(within) and constraint_problem(each, *within):
                yield Violation(
                    f"'{each}' lies outside of what '{issuer.cn}' may certify: peers refuse the "
                    "certificate",
                    "take the name out, or have it signed by another CA",
                )


NAME_RULES = (name, unusual_name, sip_domain_uri_user, sip_uri_no_domain, constraints)


def mended(each: GeneralName) -> GeneralName:
    """A DNS name without port and final dot: what was meant, once that is said."""
    if each.kind != "dns":
        return each
    return msgspec.structs.replace(each, value=each.value.partition(":")[0].rstrip("."))


def _found(upload: Upload) -> Iterator[tuple[GeneralName, Finding]]:
    for each in upload.device.facts.san:
        for finding in _found_in(each):
            yield each, finding


def _found_in(each: GeneralName) -> Iterator[Finding]:
    is_address = each.kind == "dns" and each.value.replace(".", "").isdigit()
    for finding in check_general_name(each, wildcard=False):
        said = finding.code in _SAID_BY_PREFLIGHT_SAN or (
            finding.code == "san-dns-address" and is_address
        )
        if not said:
            yield finding


def _is_a_choice(finding: Finding) -> bool:
    return CATALOGUE[finding.code].allow or finding.code in _ANOTHERS_CHOICE


def _violation(upload: Upload, each: GeneralName, finding: Finding) -> Violation:
    message = finding.message.replace("the CSR's ", "the ")
    if finding.code in _WORDS:
        message = f"the SAN DNS name '{each.value}' {_WORDS[finding.code]}"
    elif finding.code in _ANOTHERS_CHOICE:
        message = message.partition(", and the profile")[0] + ", which means nothing to SIP peers"
    return Violation(
        message, f"{upload.target.pages.csr}: correct it, or sign with --replace-san and --san"
    )


def _no_domains(upload: Upload) -> Iterator[Violation]:
    for each in upload.device.facts.san:
        if each.kind == "uri" and scheme_of(each.value) in ("sip", "sips"):
            found = sip_uri_user.check(each)
            if isinstance(found, Violation) and not any(_found_in(each)):
                yield found
