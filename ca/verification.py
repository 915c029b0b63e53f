"""Verify signatures between certificates, and build the chain from a certificate to a root."""

from __future__ import annotations

from collections.abc import Sequence

from ca.encoding.der import signed_parts
from ca.errors import MalformedError, VerificationError
from ca.keys.signatures import Algorithm, hash_name, verify_signature
from ca.model.certificates import CertificateFacts

MAX_DEPTH = 8
_WEAK_HASHES = ("SHA1", "MD5")
_WEAK_NAMES = ("md2", "md4")


def verify_issued(child: CertificateFacts, issuer: CertificateFacts) -> None:
    """Check that ``child`` names ``issuer`` and is signed by its key (RFC 5280, 6.1.3 (a)).

    Raises:
        VerificationError: it does not, or its signature cannot be verified here.
    """
    name = issuer.cn or issuer.fingerprint[:16]
    if not names_as_issuer(child, issuer):
        raise VerificationError(f"its issuer is not '{name}'")
    signed = signed_by_key(child, issuer.spki)
    if signed is None:
        raise VerificationError(f"sipca cannot verify whether the key of '{name}' signed it")
    if not signed:
        raise VerificationError(f"it was not signed by the key of '{name}'")


def names_as_issuer(child: CertificateFacts, issuer: CertificateFacts) -> bool:
    """Whether the issuer named in ``child`` is the subject of ``issuer``."""
    return child.issuer_der == issuer.subject_der or child.issuer == issuer.subject


def signed_by_key(child: CertificateFacts, spki: bytes) -> bool | None:
    """Whether a key signed a certificate; None if sipca does not support the key or algorithm."""
    try:
        tbs, _, signature = signed_parts(child.der, what="the certificate")
    except MalformedError:
        return False  # a signature that is not a whole number of octets is invalid
    algorithm = Algorithm(child.signature_algorithm, child.signature_parameters)
    return verify_signature(spki, algorithm, signature, tbs.raw)


def has_weak_hash(facts: CertificateFacts) -> bool:
    """Whether a certificate is signed with a hash for which collisions can be computed."""
    name = facts.signature_algorithm
    hashed_by = hash_name(Algorithm(name, facts.signature_parameters))
    return hashed_by in _WEAK_HASHES or name.startswith(_WEAK_NAMES)


def is_self_issued(facts: CertificateFacts) -> bool:
    """Whether subject and issuer are the same (RFC 5280, 3.2): a root, or a CA's key rollover."""
    return names_as_issuer(facts, facts)


def is_self_signed(facts: CertificateFacts) -> bool:
    """Whether a certificate is self-issued, and its own key signed it as far as sipca can verify.

    A root's own signature is not part of path validation (RFC 5280, 6.1), so a signature with a
    retired or unsupported algorithm counts as its own.
    """
    return is_self_issued(facts) and signed_by_key(facts, facts.spki) is not False


def issued_by(child: CertificateFacts, issuer: CertificateFacts) -> bool:
    """Whether ``verify_issued`` succeeds."""
    try:
        verify_issued(child, issuer)
    except VerificationError:
        return False
    return True


def unverifiable_issuer(
    child: CertificateFacts, members: Sequence[CertificateFacts]
) -> CertificateFacts | None:
    """A member that ``child`` names as its issuer, but whose signature sipca cannot verify."""
    return next(
        (
            each
            for each in members
            if names_as_issuer(child, each) and signed_by_key(child, each.spki) is None
        ),
        None,
    )


def chain_to_root(
    leaf: CertificateFacts, members: Sequence[CertificateFacts]
) -> tuple[list[CertificateFacts], bool]:
    """The issuers of a certificate among ``members``, nearest first; whether the last is a root."""
    chain: list[CertificateFacts] = []
    current = leaf
    while len(chain) < MAX_DEPTH:
        if chain and is_self_signed(current):
            return chain, True
        issuer = next(
            (each for each in members if each not in chain and issued_by(current, each)), None
        )
        if issuer is None:
            return chain, False
        chain.append(issuer)
        current = issuer
    return chain, False
