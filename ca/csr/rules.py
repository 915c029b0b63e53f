"""Rules about a request and its proof of possession."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from ca.csr.proof import Possession, Proof, prove_possession
from ca.csr.request import CertificateRequest, Flaw
from ca.errors import Kind
from ca.keys.public import is_canonical
from ca.model.findings import Finding, Violation, cases, rule, run


class ProvenRequest(msgspec.Struct, frozen=True):
    """A request and its proof of possession."""

    request: CertificateRequest
    proof: Proof


@rule("broken-signature", "error", "RFC 2986 4.2", kind=Kind.INVALID)
@cases("A CSR as the device printed it.", "A CSR in which a character was changed on the way.")
def broken_signature(subject: ProvenRequest) -> Violation | None:
    """The request's signature verifies with its own key, so the device holds the private key."""
    if subject.proof.outcome is not Possession.BROKEN:
        return None
    return Violation(
        "the CSR's signature does not verify with its own key: it was altered or truncated",
        "copy it from the device again, whole and unchanged",
    )


@rule("unknown-signature", "error", "RFC 2986 4.2; RFC 3279; RFC 5758")
@cases("sha256WithRSAEncryption", "A CSR signed with an algorithm that nobody has registered.")
def unknown_signature(subject: ProvenRequest) -> Violation | None:
    """The request is signed with an algorithm that sipca can verify."""
    if subject.proof.outcome is not Possession.UNKNOWN or not _is_judgeable(subject):
        return None
    if not is_canonical(subject.request.key.spki):
        return Violation(
            "the CSR's signature cannot be verified: its key is not encoded in DER",
            "make a new key and CSR on the device",
        )
    return Violation(
        f"the CSR is signed with {subject.request.signature_algorithm}, which sipca cannot verify",
        "choose SHA-256 on the device's CSR page",
    )


def _is_judgeable(subject: ProvenRequest) -> bool:
    """Whether the key passes the rules about keys; those describe a bad key better."""
    from ca.lint.public_keys import ANY_KEY, check_public_key

    key = subject.request.key
    findings = check_public_key(key, (*ANY_KEY, "ed25519"), ("weak-key",))
    return not any(finding.result == "fail" for finding in findings)


@rule("md5-request", "error", "RFC 6151", allow=True)
@cases("sha256WithRSAEncryption", "md5WithRSAEncryption")
def md5_request(subject: ProvenRequest) -> Violation | None:
    """The request is not signed with MD5, whose signatures can be forged."""
    if subject.proof.hash != "MD5" or subject.proof.outcome is not Possession.RETIRED_HASH:
        return None
    return Violation("the CSR is signed with MD5", "choose SHA-256 on the device's CSR page")


@rule("sha1-request", "info", "RFC 6194")
@cases("sha256WithRSAEncryption", "sha1WithRSAEncryption, the default of some devices")
def sha1_request(subject: ProvenRequest) -> Violation | None:
    """The request is signed with a hash that is still in use.

    SHA-1 proves possession and is only noted; no certificate is signed with it.
    """
    if subject.proof.hash != "SHA1" or subject.proof.outcome is not Possession.RETIRED_HASH:
        return None
    return Violation(
        "the CSR is signed with SHA-1, a retired hash; the certificate will not be",
        "choose SHA-256 on the device's CSR page next time",
    )


@rule("asks-for-ca", "warning", "RFC 5280 4.2.1.9; RFC 5280 4.2.1.3")
@cases("A CSR without basicConstraints.", "A CSR that asks for CA:TRUE or keyCertSign.")
def asks_for_ca(subject: ProvenRequest) -> Violation | None:
    """The request does not ask to be a CA.

    If it does, that part is refused and the rest is signed.
    """
    requested = [(each.name, each.text) for each in subject.request.extensions]
    ca_rights = [
        word
        for kind, word in (
            ("basicConstraints", "CA:TRUE"),
            ("keyUsage", "keyCertSign"),
            ("keyUsage", "cRLSign"),
        )
        if any(name == kind and word in text for name, text in requested)
    ]
    if not ca_rights:
        return None
    return Violation(f"the CSR asks for {', '.join(ca_rights)}, which is never granted to a device")


@rule("repaired-request", "info", "RFC 7468; RFC 2986")
@cases(
    "A CSR in one clean PEM block.", "A CSR pasted with indented lines and no line end after END."
)
def repaired_request(subject: ProvenRequest) -> list[Violation]:
    """The request can be read as it is, without repairs."""
    return [Violation(f"repaired: {repair}") for repair in subject.request.repairs]


@rule("undecodable-name", "error", "RFC 5280 4.1.2.4; RFC 5280 4.2.1.6; RFC 2986 4.1")
@cases(
    "A CN in valid UTF-8.", "A UTF8String CN with octets that are not UTF-8, or two SAN extensions."
)
def undecodable_name(flaw: Flaw) -> Violation:
    """Every part of the subject and SAN that would be used can be decoded and occurs once."""
    return Violation(flaw.problem, flaw.hint)


@rule("passed-over", "warning", "RFC 2986 4.1; RFC 2985 5.4")
@cases("A CSR with one well-formed extensionRequest.", "A CSR whose keyUsage is not a BIT STRING.")
def passed_over(subject: ProvenRequest) -> list[Violation]:
    """All extensions and attributes of the request can be decoded.

    One that cannot is not used, and is reported.
    """
    return [
        Violation(f"{flaw.problem}; it is not used", flaw.hint)
        for flaw in subject.request.flaws
        if flaw.field.startswith(("extension.", "attribute."))
    ]


REQUEST_RULES = (
    repaired_request,
    passed_over,
    broken_signature,
    unknown_signature,
    md5_request,
    sha1_request,
    asks_for_ca,
)


def judge_request(
    request: CertificateRequest, allowed: Collection[str] = (), *, proof: Proof | None = None
) -> list[Finding]:
    """Judge a request and its proof of possession, which is computed unless it is given."""
    proven = ProvenRequest(request, prove_possession(request) if proof is None else proof)
    return run(REQUEST_RULES, proven, allowed)
