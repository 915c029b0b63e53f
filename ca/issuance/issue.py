"""The one place where a signed certificate is made."""

from __future__ import annotations

from collections.abc import Sequence

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
    (issued,) = issue_all([tbs], signer, issuer_key)
    return issued


def issue_all(plans: Sequence[bytes], signer: Signer, issuer_key: PublicKey) -> list[Issued]:
    """As ``issue``, of many: all are signed, then each is compared with its plan and verified.

    Raises:
        KeyUnavailableError: as there; then none is handed out.
    """
    if signer.public_key != issuer_key.spki:
        raise KeyUnavailableError("the opened key is not the issuing CA's")
    issued = [_signed(tbs, signer.sign(tbs)) for tbs in plans]
    for tbs, each in zip(plans, issued, strict=True):
        inside, algorithm, _ = der.split(each.der)
        if inside != tbs or algorithm != signer.algorithm:
            raise KeyUnavailableError("the certificate is not the one that was planned")
        if not verify(issuer_key, each.signature, inside):
            raise KeyUnavailableError(
                "the signature just made does not hold", hint="the key or the machine is faulty"
            )
    return issued


def _signed(tbs: bytes, signature: bytes) -> Issued:
    return Issued(der.certificate(tbs, signature), signature)
