"""Proof of possession: whether the request's own signature holds, and by which hash."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ca.csr.request import CertificateRequest
from ca.keys.signatures import Algorithm, hash_name, holds

RETIRED = ("MD5", "SHA1")


class Possession(StrEnum):
    """What the signature proves."""

    GOOD = "good"
    RETIRED_HASH = "good, by a retired hash"
    BROKEN = "broken"
    UNKNOWN = "not judged"


class Proof(msgspec.Struct, frozen=True):
    """The outcome, and the hash of the signature ("SHA256"; empty where there is none)."""

    outcome: Possession
    hash: str


def prove_possession(request: CertificateRequest) -> Proof:
    """Verify a request's signature with its own key (RFC 2986, 4.2)."""
    algorithm = Algorithm(request.signature_algorithm, request.signature_parameters)
    hashed_by = hash_name(algorithm)
    if hashed_by is None:
        return Proof(Possession.UNKNOWN, "")
    proven = holds(request.key.spki, algorithm, request.signature, request.info)
    if proven is None:
        return Proof(Possession.UNKNOWN, hashed_by)
    if not proven:
        return Proof(Possession.BROKEN, hashed_by)
    outcome = Possession.RETIRED_HASH if hashed_by in RETIRED else Possession.GOOD
    return Proof(outcome, hashed_by)
