"""Whether certificates hold together: who signed whom, which chain leads to a root."""

from __future__ import annotations

from collections.abc import Sequence

from ca.errors import VerificationError
from ca.model.certificates import CertificateFacts

MAX_DEPTH = 8


def verify_issued(child: CertificateFacts, issuer: CertificateFacts) -> None:
    """That a certificate was signed by another's key and names it as issuer (5280, 6.1.3 (a)).

    Raises:
        VerificationError: it was not.
    """
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if child.issuer_der != issuer.subject_der and child.issuer != issuer.subject:
        raise VerificationError(f"its issuer is not '{issuer.cn or issuer.fingerprint[:16]}'")
    try:
        x509.load_der_x509_certificate(child.der).verify_directly_issued_by(
            x509.load_der_x509_certificate(issuer.der)
        )
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        raise VerificationError(
            f"it was not signed by the key of '{issuer.cn or issuer.fingerprint[:16]}'"
        ) from None


def is_self_signed(facts: CertificateFacts) -> bool:
    """Whether subject and issuer are one, and its own key signed it."""
    try:
        verify_issued(facts, facts)
    except VerificationError:
        return False
    return True


def issued_by(child: CertificateFacts, issuer: CertificateFacts) -> bool:
    """Whether ``verify_issued`` holds."""
    try:
        verify_issued(child, issuer)
    except VerificationError:
        return False
    return True


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
