"""Whether certificates hold together: who signed whom, which chain leads to a root."""

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
    """That a certificate was signed by another's key and names it as issuer (5280, 6.1.3 (a)).

    Raises:
        VerificationError: it was not, or nobody here can judge that.
    """
    name = issuer.cn or issuer.fingerprint[:16]
    if not names_as_issuer(child, issuer):
        raise VerificationError(f"its issuer is not '{name}'")
    signed = signed_by_key(child, issuer.spki)
    if signed is None:
        raise VerificationError(f"whether the key of '{name}' signed it is not known")
    if not signed:
        raise VerificationError(f"it was not signed by the key of '{name}'")


def names_as_issuer(child: CertificateFacts, issuer: CertificateFacts) -> bool:
    """Whether a certificate's issuer is another's subject."""
    return child.issuer_der == issuer.subject_der or child.issuer == issuer.subject


def signed_by_key(child: CertificateFacts, spki: bytes) -> bool | None:
    """Whether a key signed a certificate; None where key or algorithm are not known here."""
    try:
        tbs, _, signature = signed_parts(child.der, what="the certificate")
    except MalformedError:
        return False  # a signature that is no whole number of octets is nobody's
    algorithm = Algorithm(child.signature_algorithm, child.signature_parameters)
    return verify_signature(spki, algorithm, signature, tbs.raw)


def has_weak_hash(facts: CertificateFacts) -> bool:
    """Whether a certificate is signed by a hash that collisions are made for."""
    name = facts.signature_algorithm
    hashed_by = hash_name(Algorithm(name, facts.signature_parameters))
    return hashed_by in _WEAK_HASHES or name.startswith(_WEAK_NAMES)


def is_self_issued(facts: CertificateFacts) -> bool:
    """Whether subject and issuer are one (RFC 5280, 3.2): a root, or a CA's change of key."""
    return names_as_issuer(facts, facts)


def is_self_signed(facts: CertificateFacts) -> bool:
    """Whether subject and issuer are one, and its own key signed it as far as can be judged.

    A root's own signature is no part of path validation (RFC 5280, 6.1): one by an algorithm
    that is retired or not known here says nothing against it.
    """
    return is_self_issued(facts) and signed_by_key(facts, facts.spki) is not False


def issued_by(child: CertificateFacts, issuer: CertificateFacts) -> bool:
    """Whether ``verify_issued`` holds."""
    try:
        verify_issued(child, issuer)
    except VerificationError:
        return False
    return True


def unjudged_issuer(
    child: CertificateFacts, members: Sequence[CertificateFacts]
) -> CertificateFacts | None:
    """One that a certificate names as its issuer, by a key or algorithm that is not known here."""
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
    """The issuers of a certificate among others, nearest first, and whether a root ends them."""
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
