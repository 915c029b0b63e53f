"""The one place where a signed certificate is made."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ca.encoding import der
from ca.errors import KeyUnavailableError
from ca.keys.public import PublicKey
from ca.keys.signer import Signer
from ca.keys.soft import verify

WORTH_THREADS = 32
"""Certificates from which on a thread is started sooner than it is missed."""


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


def issue_all(
    plans: Sequence[bytes], signer: Signer, issuer_key: PublicKey, *, threads: int = 1
) -> list[Issued]:
    """As ``issue``, of many; the library signs and verifies without Python's lock.

    Two ``threads`` take half the time for an RSA key and two thirds of it for one on P-256.

    Raises:
        KeyUnavailableError: as there; then none is handed out.
    """
    if signer.public_key != issuer_key.spki:
        raise KeyUnavailableError("the opened key is not the issuing CA's")

    def made(part: Sequence[bytes]) -> list[Issued]:
        return [_issue(tbs, signer, issuer_key) for tbs in part]

    if threads == 1 or len(plans) < WORTH_THREADS:
        return made(plans)
    from concurrent.futures import ThreadPoolExecutor

    size = -(-len(plans) // threads)
    parts = [plans[start : start + size] for start in range(0, len(plans), size)]
    with ThreadPoolExecutor(threads) as pool:
        return [each for part in pool.map(made, parts) for each in part]


def _issue(tbs: bytes, signer: Signer, issuer_key: PublicKey) -> Issued:
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
