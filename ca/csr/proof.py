"""Proof of possession: does the request's signature verify with its own key, and which hash?"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

import msgspec

from ca.csr.request import CertificateRequest
from ca.keys.signatures import Algorithm, hash_name, verify_signature

RETIRED = ("MD5", "SHA1")


class Possession(StrEnum):
    """What a request's signature proves."""

    GOOD = "good"
    RETIRED_HASH = "good, by a retired hash"
    BROKEN = "broken"
    UNKNOWN = "not judged"


class Proof(msgspec.Struct, frozen=True):
    """The outcome, and the signature's hash algorithm ("SHA256"; empty if it is unknown)."""

    outcome: Possession
    hash: str


def prove_possession(request: CertificateRequest) -> Proof:
    """Verify a request's signature with its own key (RFC 2986, 4.2)."""
    algorithm = Algorithm(request.signature_algorithm, request.signature_parameters)
    if request.proven:
        hashed_by = hash_name(algorithm)
        return Proof(Possession.GOOD, "") if hashed_by is None else _good(hashed_by)
    return prove(request.key.spki, algorithm, request.signature, request.info)


def prove(spki: bytes, algorithm: Algorithm, signature: bytes, info: bytes) -> Proof:
    """Verify the signature over a CertificationRequestInfo with a key."""
    hashed_by = hash_name(algorithm)
    if hashed_by is None:
        return Proof(Possession.UNKNOWN, "")
    verified = verify_signature(spki, algorithm, signature, info)
    if verified is None:
        return Proof(Possession.UNKNOWN, hashed_by)
    return _good(hashed_by) if verified else Proof(Possession.BROKEN, hashed_by)


@lru_cache(maxsize=16)
def _good(hashed_by: str) -> Proof:
    outcome = Possession.RETIRED_HASH if hashed_by in RETIRED else Possession.GOOD
    return Proof(outcome, hashed_by)
