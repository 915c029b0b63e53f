"""Judge a certificate before it is signed: the exact octets, against its profile and account.

The octets are decoded by two parsers: cryptography has to accept them as a certificate, and ours
splits them into parts. The parts that the certificates of a batch share are decoded once.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from hashlib import sha256

import msgspec

from ca.encoding import der, extensions, oids
from ca.encoding.times import UTC_TIME_ENDS
from ca.errors import MalformedError
from ca.keys.public import PublicKey, is_canonical
from ca.model.certificates import CertificateFacts, GeneralName, SubjectAttribute, Validity
from ca.model.findings import Violation, cases, rule
from ca.profiles.profile import Profile

CRITICAL = {oids.BASIC_CONSTRAINTS, oids.KEY_USAGE, oids.NAME_CONSTRAINTS}
"""The extensions that sipca issues as critical, and no others."""
KNOWN = CRITICAL | {
    oids.SUBJECT_KEY_IDENTIFIER,
    oids.AUTHORITY_KEY_IDENTIFIER,
    oids.EXTENDED_KEY_USAGE,
    oids.SUBJECT_ALT_NAME,
    oids.CRL_DISTRIBUTION_POINTS,
    oids.AUTHORITY_INFO_ACCESS,
    oids.OCSP_NO_CHECK,
}
_STRING_TAGS = {
    oids.COUNTRY: der.PRINTABLE_STRING,
    oids.SERIAL_NUMBER: der.PRINTABLE_STRING,
    oids.EMAIL_ADDRESS: der.IA5_STRING,
    oids.DOMAIN_COMPONENT: der.IA5_STRING,
}


class Promised(msgspec.Struct, frozen=True):
    """The parts of one certificate that its account promises."""

    subject: tuple[SubjectAttribute, ...]
    san: tuple[GeneralName, ...]
    validity: Validity


class ToBeSigned(msgspec.Struct, frozen=True):
    """The decoded octets to be signed, with all that they are judged against.

    ``fields`` are those of the TBSCertificate; ``attributes`` are OID, string tag and text;
    ``extensions`` are OID, criticality and value; ``times`` are tag and time. ``key_is_der``: it is
    known already that the key is encoded in DER.
    """

    fields: list[bytes]
    attributes: list[tuple[str, int, str]]
    extensions: list[tuple[str, bool, bytes]]
    values: dict[str, bytes]
    times: tuple[tuple[int, datetime], ...]
    promised: Promised
    profile: Profile
    key: PublicKey
    issuer: CertificateFacts | None
    algorithm: bytes
    key_is_der: bool = False


@rule("cert-version", "error", "RFC 5280 4.1.2.1", looks_at=())
@cases("Version: 3 (0x2)", "Version: 1 (0x0) with extensions")
def version(subject: ToBeSigned) -> Violation | None:
    """The certificate is of version 3."""
    if subject.fields[0] == extensions.VERSION_3:
        return None
    return Violation("the version is not 3")


@rule("cert-serial", "error", "RFC 5280 4.1.2.2; CA/Browser Forum BR 7.1", looks_at=("serial",))
@cases("16 octets: a leading 1 bit and 126 random bits", "1, 2, 3, ...")
def serial(subject: ToBeSigned) -> Violation | None:
    """The serial number is positive, has at most 20 octets and at least 126 random bits."""
    value = der.integer(der.read(subject.fields[1]))
    if value <= 0 or value.bit_length() > 159 or value.bit_length() < 127:
        return Violation(f"the serial has {value.bit_length()} bits, but should have 127 to 159")
    return None


@rule("cert-signature-algorithm", "error", "RFC 5280 4.1.1.2", looks_at=())
@cases("sha256WithRSAEncryption inside and outside", "Two different ones.")
def signature_algorithm(subject: ToBeSigned) -> Violation | None:
    """The AlgorithmIdentifier inside is the one with which the CA's key signs."""
    if subject.fields[2] != subject.algorithm:
        return Violation("the signature algorithm inside is not the signing key's")
    return None


@rule("cert-issuer-name", "error", "RFC 5280 4.1.2.4; RFC 5280 4.1.2.6 (a)", looks_at=())
@cases(
    "Both are UTF8String.",
    "The CA's subject is a PrintableString and the issuer name a UTF8String.",
)
def issuer_name(subject: ToBeSigned) -> Violation | None:
    """The issuer name equals the issuing certificate's subject, octet for octet."""
    expected = subject.issuer.subject_der if subject.issuer else subject.fields[5]
    if subject.fields[3] != expected:
        return Violation(
            "the issuer name is not the issuing certificate's subject, octet for octet"
        )
    return None


@rule("cert-time-form", "error", "RFC 5280 4.1.2.5", looks_at=("validity",))
@cases("20500101000000Z", "500101000000Z, which is 1950")
def time_form(subject: ToBeSigned) -> list[Violation]:
    """Times are UTCTime through 2049 and GeneralizedTime from 2050, in whole seconds and UTC."""
    return [
        Violation(f"the time {moment:%Y-%m-%d} is written in the wrong form")
        for tag, moment in subject.times
        if tag != (der.UTC_TIME if moment.year < UTC_TIME_ENDS else der.GENERALIZED_TIME)
    ]


@rule("cert-validity", "error", "RFC 5280 4.1.2.5", looks_at=("validity",))
@cases("Both say 2028-01-31.", "The account says 2028, the certificate 2029.")
def validity(subject: ToBeSigned) -> Violation | None:
    """The certificate begins and ends when the account says."""
    promised = subject.promised.validity
    if tuple(moment for _, moment in subject.times) == (promised.not_before, promised.not_after):
        return None
    return Violation("the validity is not the one that was decided")


@rule("cert-outlives-issuer", "error", "RFC 5280 6.1", looks_at=("validity",))
@cases(
    "The CA ends in 2036, the certificate in 2029.", "The CA ends in 2028, the certificate in 2029."
)
def outlives_issuer(subject: ToBeSigned) -> Violation | None:
    """The certificate ends after it begins and no later than its issuer."""
    (_, not_before), (_, not_after) = subject.times
    end = subject.issuer.validity.not_after if subject.issuer else not_after
    if not_after > end or not_after < not_before:
        return Violation(
            f"it would expire on {not_after:%Y-%m-%d}, but its issuer on {end:%Y-%m-%d}"
        )
    return None


@rule("cert-subject", "error", "RFC 5280 4.1.2.6; RFC 5280 appendix A.1", looks_at=("cn",))
@cases("CN as UTF8String, C as PrintableString", "C as UTF8String")
def subject_name(subject: ToBeSigned) -> list[Violation]:
    """The subject is the one decided, has a CN, and uses the string types of RFC 5280."""
    problems = [
        Violation(f"the subject's {oid} has string tag {tag}")
        for oid, tag, _ in subject.attributes
        if tag != _STRING_TAGS.get(oid, der.UTF8_STRING)
    ]
    attributes = [(oids.ATTRIBUTE_TYPES.get(oid, oid), text) for oid, _, text in subject.attributes]
    if not any(kind == "CN" and text for kind, text in attributes):
        problems.append(Violation("the subject has no CN"))
    if attributes != [(each.type, each.value) for each in subject.promised.subject]:
        problems.append(Violation("the subject is not the one that was decided"))
    return problems


@rule("cert-key", "error", "RFC 5280 4.1.2.7", looks_at=("key",))
@cases("The subjectPublicKeyInfo of the CSR", "Another key, or the same one encoded anew.")
def same_key(subject: ToBeSigned) -> Violation | None:
    """The key in the certificate is the request's, octet for octet."""
    spki = subject.key.spki
    if subject.fields[6] == spki and (subject.key_is_der or is_canonical(spki)):
        return None
    return Violation("the key was changed, or is not encoded in DER")


@rule("cert-extensions", "error", "RFC 5280 4.2", looks_at=())
@cases("basicConstraints, critical", "subjectAltName twice, or keyUsage that is not critical.")
def known_extensions(subject: ToBeSigned) -> list[Violation]:
    """Each extension occurs once, is one that sipca issues, and is critical where it must be."""
    problems, earlier_oids = [], set()
    for oid, critical, _ in subject.extensions:
        if oid in earlier_oids:
            problems.append(Violation(f"the extension {oid} occurs twice"))
        if oid not in KNOWN:
            problems.append(Violation(f"the extension {oid} is not one that sipca issues"))
        elif critical != (oid in CRITICAL):
            problems.append(Violation(f"the extension {oid} has the wrong criticality"))
        earlier_oids.add(oid)
    return problems


@rule("cert-basic-constraints", "error", "RFC 5280 4.2.1.9", looks_at=())
@cases("A leaf with CA:FALSE.", "A leaf with CA:TRUE, or with a path length.")
def basic_constraints(subject: ToBeSigned) -> Violation | None:
    """Only root and issuing certificates are CAs. A leaf says CA:FALSE as an empty sequence."""
    is_ca = subject.profile.role in ("root", "issuing")
    value = subject.values.get(oids.BASIC_CONSTRAINTS)
    issued, length = (None, None) if value is None else extensions.basic_constraints(value)
    if issued is not is_ca:
        return Violation(f"basicConstraints does not fit the role {subject.profile.role}")
    if not is_ca and value != b"\x30\x00":
        return Violation("basicConstraints encodes a default value")
    if length != subject.profile.extensions.path_length:
        return Violation("the path length is not the profile's")
    return None


@rule("cert-key-usage", "error", "RFC 5280 4.2.1.3; RFC 5480 3", looks_at=("key",))
@cases("digitalSignature for an EC key", "digitalSignature and keyEncipherment for an EC key")
def key_usage(subject: ToBeSigned) -> Violation | None:
    """Key usage is the profile's, with keyEncipherment only for an RSA key."""
    is_rsa = subject.key.algorithm == "rsa"
    promised = [
        oids.KEY_USAGE_BITS[bit]
        for bit in subject.profile.extensions.key_usage
        if is_rsa or bit != "key_encipherment"
    ]
    value = subject.values.get(oids.KEY_USAGE)
    issued = () if value is None else extensions.key_usage(value)
    if set(issued) != set(promised):
        return Violation(f"key usage {', '.join(issued)} is not the profile's")
    return None


@rule("cert-extended-key-usage", "error", "RFC 5280 4.2.1.12; RFC 5924 4", looks_at=())
@cases("serverAuth, clientAuth for profile sip", "codeSigning, because the CSR asked for it")
def extended_key_usage(subject: ToBeSigned) -> Violation | None:
    """The purposes are the profile's, and a CA has none."""
    promised = {purpose.label for purpose in subject.profile.extensions.extended_key_usage}
    value = subject.values.get(oids.EXTENDED_KEY_USAGE)
    if set(() if value is None else extensions.purposes(value)) != promised:
        return Violation("the extended key usage is not the profile's")
    return None


@rule(
    "cert-key-identifiers",
    "error",
    "RFC 5280 4.2.1.1; RFC 5280 4.2.1.2; RFC 7093 2",
    looks_at=("key",),
)
@cases(
    "The AKI equals the issuing CA's SKI.",
    "The AKI is computed anew, and an imported CA had used SHA-1.",
)
def key_identifiers(subject: ToBeSigned) -> list[Violation]:
    """SKI is method 1 of RFC 7093 over this key; AKI is the issuer's own SKI, a root has none."""
    problems = []
    subject_identifier = subject.values.get(oids.SUBJECT_KEY_IDENTIFIER)
    authority_identifier = subject.values.get(oids.AUTHORITY_KEY_IDENTIFIER)
    if subject_identifier != b"\x04\x14" + sha256(subject.key.bits).digest()[:20]:
        problems.append(Violation("the subject key identifier is not this key's"))
    expected = subject.issuer.key_identifier if subject.issuer else None
    if (
        None
        if authority_identifier is None
        else extensions.authority_key_identifier(authority_identifier)
    ) != expected:
        problems.append(Violation("the authority key identifier is not the issuer's"))
    return problems


@rule("cert-san", "error", "RFC 5280 4.2.1.6; RFC 9525 2", looks_at=("san",))
@cases("dns:sbc1.lab.example, ip:10.4.0.20", "dns:sbc1.lab.example twice")
def san(subject: ToBeSigned) -> list[Violation]:
    """The SAN is there if the profile requires it, and has each name once and of the profile's
    types.
    """
    rules, value = subject.profile.san, subject.values.get(oids.SUBJECT_ALT_NAME)
    names = () if value is None else extensions.general_names(value)
    problems = []
    if rules.require and not names:
        problems.append(Violation("there is no SAN"))
    if names != subject.promised.san:
        problems.append(Violation("the names are not those that were decided"))
    if len(set(names)) != len(names):
        problems.append(Violation("the SAN holds a name twice"))
    problems.extend(
        Violation(f"the profile takes no {name.kind} names")
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
    validity,
    outlives_issuer,
    subject_name,
    same_key,
    known_extensions,
    basic_constraints,
    key_usage,
    extended_key_usage,
    key_identifiers,
    san,
)

SLOT_RULES = tuple(each for each in CERTIFICATE_RULES if each.looks_at)
"""The rules that look at something in which certificates of one shape differ."""


def read_back(
    tbs: bytes,
    *,
    promised: Promised,
    profile: Profile,
    key: PublicKey,
    issuer: CertificateFacts | None,
    algorithm: bytes,
) -> ToBeSigned:
    """Decode a TBSCertificate that is about to be signed, for ``CERTIFICATE_RULES``.

    Raises:
        MalformedError: one of the two parsers cannot decode it.
    """
    read_with_cryptography(tbs, algorithm)
    fields = der.split(tbs)
    all_extensions = _extensions(fields)
    return ToBeSigned(
        fields=fields,
        attributes=attributes_of(fields[5]),
        extensions=all_extensions,
        values={oid: value for oid, _, value in all_extensions},
        times=extensions.read_validity(fields[4]),
        promised=promised,
        profile=profile,
        key=key,
        issuer=issuer,
        algorithm=algorithm,
    )


def read_with_cryptography(tbs: bytes, algorithm: bytes) -> None:
    """Have cryptography decode a TBSCertificate.

    Raises:
        MalformedError: it cannot.
    """
    from cryptography import x509

    try:
        x509.load_der_x509_certificate(der.signed(tbs, algorithm, b"\x00"))
    except ValueError as error:
        raise MalformedError(f"the certificate cannot be read: {error}") from None


def attributes_of(name: bytes) -> list[tuple[str, int, str]]:
    """Type, string tag and text of each attribute of a Name."""
    return [each for rdn in der.split(name) for each in _attributes(rdn)]


@lru_cache(maxsize=256)
def _attributes(rdn: bytes) -> tuple[tuple[str, int, str], ...]:
    """Type, string tag and text of each attribute of a RelativeDistinguishedName."""
    pairs = [attribute.children() for attribute in der.read(rdn).children()]
    return tuple(
        (der.oid(kind), value.tag, value.contents.decode("utf-8", "replace"))
        for kind, value in pairs
    )


def _extensions(fields: list[bytes]) -> list[tuple[str, bool, bytes]]:
    """OID, criticality and value of each extension, in order."""
    if len(fields) < 8:
        return []
    (sequence,) = der.split(fields[7])
    return [extensions.read_extension(raw) for raw in der.split(sequence)]
