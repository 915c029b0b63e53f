"""Judging a certificate before it is signed: the very octets, against what its profile promises."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

import msgspec

from ca.encoding import der
from ca.encoding.certificates import read_certificate
from ca.keys.public import PublicKey
from ca.model.certificates import CertificateFacts
from ca.model.findings import Finding, Violation, rule, run
from ca.profiles.profile import Profile

PURPOSES = {
    "server_auth": "serverAuth",
    "client_auth": "clientAuth",
    "sip_domain": "id-kp-sipDomain",
    "ocsp_signing": "OCSPSigning",
}
USAGES = {
    "digital_signature": "digitalSignature",
    "key_encipherment": "keyEncipherment",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
CRITICAL = {"2.5.29.19", "2.5.29.15", "2.5.29.30"}
"""basicConstraints, keyUsage, nameConstraints; nothing else is ever critical here."""
KNOWN = CRITICAL | {
    "2.5.29.14",
    "2.5.29.35",
    "2.5.29.37",
    "2.5.29.17",
    "2.5.29.31",
    "1.3.6.1.5.5.7.1.1",
    "1.3.6.1.5.5.7.48.1.5",
}
UTC_TIME_ENDS = 2050
_STRING_TAGS = {"2.5.4.6": 0x13, "2.5.4.5": 0x13, "1.2.840.113549.1.9.1": 0x16}


class ToBeSigned(msgspec.Struct, frozen=True):
    """Octets about to be signed, read back, beside what was promised."""

    tbs: bytes
    fields: list[der.Node]
    facts: CertificateFacts
    profile: Profile
    key: PublicKey
    issuer: CertificateFacts | None
    issuer_key: PublicKey
    algorithm: bytes
    extensions: list[tuple[str, bool, bytes]]


def _extensions(fields: list[der.Node]) -> list[tuple[str, bool, bytes]]:
    """OID, criticality and value of each extension, in order."""
    found = []
    for extension in fields[7].children()[0].children() if len(fields) > 7 else []:
        parts = extension.children()
        critical = len(parts) == 3 and parts[1].contents == b"\xff"
        found.append((der.oid(parts[0]), critical, parts[-1].contents))
    return found


@rule("cert-version", "error", "RFC 5280 4.1.2.1")
def version(subject: ToBeSigned) -> Violation | None:
    """The certificate is version 3."""
    return (
        None if subject.fields[0].raw == bytes.fromhex("a003020102") else Violation("not version 3")
    )


@rule("cert-serial", "error", "RFC 5280 4.1.2.2; CA/Browser Forum BR 7.1")
def serial(subject: ToBeSigned) -> Violation | None:
    """The serial is positive, at most 20 octets, and long enough for 126 random bits."""
    value = der.integer(subject.fields[1])
    if value <= 0 or value.bit_length() > 159 or value.bit_length() < 127:
        return Violation(f"the serial has {value.bit_length()} bits and should have 127 to 159")
    return None


@rule("cert-signature-algorithm", "error", "RFC 5280 4.1.1.2")
def signature_algorithm(subject: ToBeSigned) -> Violation | None:
    """The AlgorithmIdentifier inside is the one that the CA's key will sign with."""
    if subject.fields[2].raw != subject.algorithm:
        return Violation("the signature algorithm inside is not the signing key's")
    return None


@rule("cert-issuer-name", "error", "RFC 5280 4.1.2.6 (a)")
def issuer_name(subject: ToBeSigned) -> Violation | None:
    """The issuer name equals the issuing certificate's subject, octet for octet."""
    expected = subject.issuer.subject_der if subject.issuer else subject.facts.subject_der
    if subject.facts.issuer_der != expected:
        return Violation(
            "the issuer name is not the issuing certificate's subject, octet for octet"
        )
    return None


@rule("cert-time-form", "error", "RFC 5280 4.1.2.5")
def time_form(subject: ToBeSigned) -> list[Violation]:
    """Times are UTCTime through 2049 and GeneralizedTime from 2050, whole seconds, Z."""
    problems = []
    moments = (subject.facts.validity.not_before, subject.facts.validity.not_after)
    for node, moment in zip(subject.fields[4].children(), moments, strict=True):
        form = der.UTC_TIME if moment.year < UTC_TIME_ENDS else der.GENERALIZED_TIME
        if node.tag != form or not node.contents.endswith(b"Z") or moment.microsecond:
            problems.append(Violation(f"the time {moment:%Y-%m-%d} is written in the wrong form"))
    return problems


@rule("cert-outlives-issuer", "error", "RFC 5280 6.1 (a chain ends with its first end)")
def outlives_issuer(subject: ToBeSigned) -> Violation | None:
    """The certificate ends no later than its issuer, and not before it begins."""
    validity = subject.facts.validity
    end: datetime = subject.issuer.validity.not_after if subject.issuer else validity.not_after
    if validity.not_after > end or validity.not_after < validity.not_before:
        return Violation(
            f"it would end {validity.not_after:%Y-%m-%d}, its issuer ends {end:%Y-%m-%d}"
        )
    return None


@rule("cert-subject", "error", "RFC 5280 4.1.2.6, appendix A.1")
def subject_name(subject: ToBeSigned) -> list[Violation]:
    """The subject has a CN, and its strings are of the types that RFC 5280 names."""
    problems = []
    if not subject.facts.cn:
        problems.append(Violation("the subject has no CN"))
    for rdn in subject.fields[5].children():
        for attribute in rdn.children():
            kind, value = attribute.children()
            if value.tag != _STRING_TAGS.get(der.oid(kind), der.UTF8_STRING):
                problems.append(
                    Violation(f"the subject's {der.oid(kind)} has string tag {value.tag}")
                )
    return problems


@rule("cert-key", "error", "the certificate is for the key that was proven")
def same_key(subject: ToBeSigned) -> Violation | None:
    """The key in the certificate is the request's, octet for octet."""
    return None if subject.facts.spki == subject.key.spki else Violation("the key was changed")


@rule("cert-extensions", "error", "RFC 5280 4.2")
def extensions(subject: ToBeSigned) -> list[Violation]:
    """Each extension stands once, is one that sipca issues, and is critical where it must be."""
    problems, seen = [], set()
    for oid, critical, _ in subject.extensions:
        if oid in seen:
            problems.append(Violation(f"the extension {oid} stands twice"))
        if oid not in KNOWN:
            problems.append(Violation(f"the extension {oid} is none that sipca issues"))
        elif critical != (oid in CRITICAL):
            problems.append(Violation(f"the extension {oid} has the wrong criticality"))
        seen.add(oid)
    return problems


@rule("cert-basic-constraints", "error", "RFC 5280 4.2.1.9")
def basic_constraints(subject: ToBeSigned) -> Violation | None:
    """Only root and issuing roles are CAs; a leaf says CA:FALSE as an empty sequence."""
    is_ca = subject.profile.role in ("root", "issuing")
    values = {oid: value for oid, _, value in subject.extensions}
    value = values.get("2.5.29.19")
    if value is None or subject.facts.is_ca != is_ca:
        return Violation(f"basicConstraints does not fit the role {subject.profile.role}")
    if not is_ca and value != b"\x30\x00":
        return Violation("basicConstraints encodes a DEFAULT")
    if subject.facts.path_length != subject.profile.extensions.path_length:
        return Violation("the path length is not the profile's")
    return None


@rule("cert-key-usage", "error", "RFC 5280 4.2.1.3; RFC 5480 3")
def key_usage(subject: ToBeSigned) -> Violation | None:
    """Key usage is the profile's, with keyEncipherment only for an RSA key."""
    promised = {USAGES[bit] for bit in subject.profile.extensions.key_usage}
    if subject.key.algorithm != "rsa":
        promised.discard("keyEncipherment")
    if set(subject.facts.key_usage) != promised:
        return Violation(f"key usage {', '.join(subject.facts.key_usage)} is not the profile's")
    return None


@rule("cert-extended-key-usage", "error", "RFC 5280 4.2.1.12; RFC 5924 4")
def extended_key_usage(subject: ToBeSigned) -> Violation | None:
    """The purposes are the profile's, and none in a CA."""
    promised = {PURPOSES[each] for each in subject.profile.extensions.extended_key_usage}
    if set(subject.facts.extended_key_usage) != promised:
        return Violation("the extended key usage is not the profile's")
    return None


@rule("cert-key-identifiers", "error", "RFC 5280 4.2.1.1, 4.2.1.2; RFC 7093 2")
def key_identifiers(subject: ToBeSigned) -> list[Violation]:
    """SKI is method 1 of RFC 7093 over this key; AKI the issuer's own SKI, none in a root."""
    problems = []
    if subject.facts.key_identifier != sha256(subject.key.bits).digest()[:20]:
        problems.append(Violation("the subject key identifier is not this key's"))
    expected = subject.issuer.key_identifier if subject.issuer else None
    if subject.facts.authority_key_identifier != expected:
        problems.append(Violation("the authority key identifier is not the issuer's"))
    return problems


@rule("cert-san", "error", "RFC 5280 4.2.1.6; RFC 9525")
def san(subject: ToBeSigned) -> list[Violation]:
    """The SAN is there where the profile requires it, each name once, of the profile's kinds."""
    names, rules = subject.facts.san, subject.profile.san
    problems = []
    if rules.require and not names:
        problems.append(Violation("there is no SAN"))
    if len(set(names)) != len(names):
        problems.append(Violation("the SAN holds a name twice"))
    problems.extend(
        Violation(f"the profile carries no {name.kind} names")
        for name in names
        if name.kind not in rules.take
    )
    return problems


CERTIFICATE_RULES = (
    version,
    serial,
    signature_algorithm,
    issuer_name,
    time_form,
    outlives_issuer,
    subject_name,
    same_key,
    extensions,
    basic_constraints,
    key_usage,
    extended_key_usage,
    key_identifiers,
    san,
)


def lint_to_be_signed(
    tbs: bytes,
    *,
    profile: Profile,
    key: PublicKey,
    issuer: CertificateFacts | None,
    issuer_key: PublicKey,
    algorithm: bytes,
) -> list[Finding]:
    """Judge a TBSCertificate as it will be signed.

    Raises:
        MalformedError: it cannot even be read back.
    """
    facts = read_certificate(der.certificate(tbs, b"\x00"))
    fields = der.read(tbs).children()
    subject = ToBeSigned(
        tbs, fields, facts, profile, key, issuer, issuer_key, algorithm, _extensions(fields)
    )
    return run(CERTIFICATE_RULES, subject)
