"""The one place where a signed certificate is made."""

from __future__ import annotations

import msgspec

from ca.encoding import der
from ca.errors import KeyUnavailableError
from ca.keys.public import PublicKey
from ca.keys.signer import Signer
from ca.keys.soft import verify


class Issued(msgspec.Struct, frozen=True):
    """A certificate and the signature that made it one."""

    der: bytes
    signature: bytes


def issue(tbs: bytes, signer: Signer, issuer_key: PublicKey) -> Issued:
    """Sign exactly these planned octets and compare the certificate with the plan.

    Raises:
        KeyUnavailableError: the signer is not the issuer's, or its signature does not hold.
    """
    if signer.public_key != issuer_key.spki:
        raise KeyUnavailableError("the opened key is not the issuing CA's")
    signature = signer.sign(tbs)
    certificate = der.certificate(tbs, signature)
    inside, algorithm, _ = der.split(certificate)
    if inside != tbs or algorithm != signer.algorithm:
        raise KeyUnavailableError("the certificate is not the one that was planned")
    if not verify(issuer_key, signature, inside):
        raise KeyUnavailableError(
            "the signature just made does not hold", hint="the key or the machine is faulty"
        )
    return Issued(certificate, signature)
