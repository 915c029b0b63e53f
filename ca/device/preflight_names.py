"""Preflight of a certificate's names, by the rules for names in requests.

A name that would be refused in a request is an error here. One that an operator or a profile may
permit (a wildcard, an underscore, an unusual URI scheme) is only a warning.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ca.device.upload import Upload
from ca.encoding.oids import Purpose
from ca.model.certificates import GeneralName
from ca.model.findings import CATALOGUE, Finding, Violation, cases, rule
from ca.names.constraints import constraint_problem, names_in_subject
from ca.names.general import check_general_name
from ca.names.sip import sip_uri_user
from ca.names.subjects import check_subject
from ca.names.text import printable
from ca.names.uris import scheme_of
from ca.verification import chain_to_root

_REPORTED_BY_PREFLIGHT_SAN = ("san-email-no-at",)
_PROFILE_CHOICES = ("san-uri-scheme",)
_SIP_DOMAIN = Purpose.SIP_DOMAIN.label
_WORDS = {
    "wildcard": "is a wildcard, which SIP peers do not match (RFC 5922, 7.2)",
    "wildcard-broad": "is a wildcard below a single label, which most verifiers match with nothing",
}


@rule("preflight-name", "error", "RFC 5280 4.2.1.6; RFC 1123 2.1; RFC 3986 3.2")
@cases("dns:sbc1.lab.example", "dns:sbc1.lab.example:5061")
def name(upload: Upload) -> Iterator[Violation]:
    """Each name in the SAN is well formed and can be dialled."""
    for san, finding in _san_findings(upload):
        if finding.severity == "error" and not _may_be_permitted(finding):
            yield _violation(upload, san, finding)


@rule("preflight-name-unusual", "warning", "RFC 5922 7.2; RFC 9525 6.3; RFC 1123 2.1")
@cases("dns:sbc1.lab.example", "dns:*.lab.example")
def unusual_name(upload: Upload) -> Iterator[Violation]:
    """No name is a wildcard, has an underscore, or is accepted by few peers."""
    for san, finding in _san_findings(upload):
        if finding.severity != "error" or _may_be_permitted(finding):
            yield _violation(upload, san, finding)
    for finding in check_subject(upload.device.facts.subject):
        yield Violation(
            finding.message, f"{upload.target.pages.csr}: correct it and create a new CSR"
        )


@rule("preflight-sip-uri-user", "error", "RFC 5922 7.1; RFC 5924 3")
@cases("uri:sip:lab.example", "uri:sip:alice@lab.example")
def sip_domain_uri_user(upload: Upload) -> Iterator[Violation]:
    """In a SIP domain certificate every URI is sip:DOMAIN, without user, address, port or
    parameters.
    """
    if _SIP_DOMAIN in upload.device.facts.extended_key_usage:
        yield from _uris_without_domain(upload)


@rule("preflight-sip-uri-no-domain", "warning", "RFC 5922 7.1")
@cases("uri:sip:lab.example", "uri:sip:lab.example:5061")
def sip_uri_no_domain(upload: Upload) -> Iterator[Violation]:
    """Every sip: URI names a domain and nothing else, as a strict peer reads it."""
    if _SIP_DOMAIN not in upload.device.facts.extended_key_usage:
        yield from _uris_without_domain(upload)


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
        for subject_name in dict.fromkeys((*facts.san, *names_in_subject(facts.subject))):
            within = limits.get(subject_name.kind)
            if within and any(within) and constraint_problem(subject_name, *within):
                yield Violation(
                    f"'{subject_name}' lies outside of what '{issuer.cn}' may certify: peers "
                    "refuse the certificate",
                    "remove the name, or have the certificate signed by another CA",
                )


NAME_RULES = (name, unusual_name, sip_domain_uri_user, sip_uri_no_domain, constraints)


def without_port_and_dot(san: GeneralName) -> GeneralName:
    """A DNS name without port and final dot, which other rules report; other names unchanged."""
    if san.kind != "dns":
        return san
    return msgspec.structs.replace(san, value=san.value.partition(":")[0].rstrip("."))


def _san_findings(upload: Upload) -> Iterator[tuple[GeneralName, Finding]]:
    for san in upload.device.facts.san:
        for finding in _findings_of(san):
            yield san, finding


def _findings_of(san: GeneralName) -> Iterator[Finding]:
    is_address = san.kind == "dns" and san.value.replace(".", "").isdigit()
    for finding in check_general_name(san, wildcard=False):
        reported = finding.code in _REPORTED_BY_PREFLIGHT_SAN or (
            finding.code == "san-dns-address" and is_address
        )
        if not reported:
            yield finding


def _may_be_permitted(finding: Finding) -> bool:
    return CATALOGUE[finding.code].allow or finding.code in _PROFILE_CHOICES


def _violation(upload: Upload, san: GeneralName, finding: Finding) -> Violation:
    message = finding.message.replace("the CSR's ", "the ")
    if finding.code in _WORDS:
        message = f"the SAN DNS name '{san.value}' {_WORDS[finding.code]}"
    elif finding.code in _PROFILE_CHOICES:
        scheme = printable(scheme_of(san.value) or "", 40)
        message = (
            f"the SAN URI '{printable(san.value)}' has the scheme {scheme}, which means nothing "
            "to SIP peers"
        )
    return Violation(
        message, f"{upload.target.pages.csr}: correct it, or sign with --replace-san and --san"
    )


def _uris_without_domain(upload: Upload) -> Iterator[Violation]:
    for san in upload.device.facts.san:
        if san.kind == "uri" and scheme_of(san.value) in ("sip", "sips"):
            violation = sip_uri_user.check(san)
            if isinstance(violation, Violation) and not any(_findings_of(san)):
                yield violation
