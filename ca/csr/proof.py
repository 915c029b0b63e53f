"""Proof of possession: does the request's signature verify with its own key, and which hash?"""

from __future__ import annotations

from enum import StrEnum

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
    hash_algorithm = hash_name(algorithm)
    if hash_algorithm is None:
        return Proof(Possession.GOOD if request.proven else Possession.UNKNOWN, "")
    verified = request.proven or verify_signature(
        request.key.spki, algorithm, request.signature, request.info
    )
    if verified is None:
        return Proof(Possession.UNKNOWN, hash_algorithm)
    if not verified:
        return Proof(Possession.BROKEN, hash_algorithm)
    outcome = Possession.RETIRED_HASH if hash_algorithm in RETIRED else Possession.GOOD
    return Proof(outcome, hash_algorithm)
