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


def issue(tbs: bytes, signer: Signer, issuer_key: PublicKey) -> Issued:
    """Sign a TBSCertificate, and check that the certificate contains exactly it and verifies.

    Raises:
        KeyUnavailableError: the signer is not the issuer's, or its signature does not verify.
    """
    if signer.public_key != issuer_key.spki:
        raise KeyUnavailableError("the opened key is not the issuing CA's")
    signature = signer.sign(tbs)
    certificate = der.certificate(tbs, signature)
    signed_tbs, algorithm, _ = der.split(certificate)
    if signed_tbs != tbs or algorithm != signer.algorithm:
        raise KeyUnavailableError("the certificate is not the one that was prepared")
    if not verify(issuer_key, signature, signed_tbs):
        raise KeyUnavailableError(
            "the new signature does not verify", hint="check the key and the machine: one is faulty"
        )
    return Issued(certificate, signature)
