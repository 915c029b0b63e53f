"""The only place where a certificate is signed."""

from __future__ import annotations

import msgspec

from ca.encoding import der
from ca.errors import KeyUnavailableError
from ca.keys.public import PublicKey
from ca.keys.signer import Signer
from ca.keys.soft import verify


class Issued(msgspec.Struct, frozen=True):
    """A signed certificate's DER, and its signature."""

    der: bytes
    signature: bytes


def sign(tbs: bytes, signer: Signer, issuer_key: PublicKey) -> Issued:
    """Sign a TBSCertificate; whoever calls this has to verify the signature before it is used.

    Raises:
        KeyUnavailableError: the signer is not the issuer's, or the certificate would not contain
            exactly these octets.
    """
    if signer.public_key != issuer_key.spki:
        raise KeyUnavailableError("the opened key is not the issuing CA's")
    signature = signer.sign(tbs)
    certificate = der.certificate(tbs, signature)
    signed_tbs, algorithm, _ = der.split(certificate)
    if signed_tbs != tbs or algorithm != signer.algorithm:
        raise KeyUnavailableError("the certificate is not the one that was prepared")
    return Issued(certificate, signature)


def issue(tbs: bytes, signer: Signer, issuer_key: PublicKey) -> Issued:
    """Sign a TBSCertificate, and check that the certificate contains exactly it and verifies.

    Raises:
        KeyUnavailableError: the signer is not the issuer's, or its signature does not verify.
    """
    issued = sign(tbs, signer, issuer_key)
    if not verify(issuer_key, issued.signature, tbs):
        raise broken_signature()
    return issued


def broken_signature() -> KeyUnavailableError:
    """The error for a new signature that does not verify."""
    return KeyUnavailableError(
        "the new signature does not verify", hint="check the key and the machine: one is faulty"
    )
