"""Reading what a device sent: its request, proven, in the form in which it is kept."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from ca.authority.enrolment.requests import EnrolmentRefusedError, EnrolmentRequest
from ca.csr.kept import challenge_of, kept_form
from ca.csr.parsing import parse_request
from ca.csr.proof import Possession, prove_possession
from ca.csr.request import CertificateRequest
from ca.errors import CAError, MalformedError

LONGEST_CSR, LONGEST_TRANSACTION = 16 << 10, 255


class Arrival(msgspec.Struct, frozen=True):
    """A request that was read, its form to keep with its hash, and its challenge."""

    asked: EnrolmentRequest
    request: CertificateRequest
    kept: bytes
    sha256: bytes
    challenge: str | None


def read_arrival(asked: EnrolmentRequest) -> Arrival:
    """Read a device's request.

    Raises:
        EnrolmentRefusedError: it is none, or its sender does not prove to have the key.
    """
    transaction = asked.transaction_id
    if not 1 <= len(transaction) <= LONGEST_TRANSACTION or not transaction.isprintable():
        raise EnrolmentRefusedError(
            f"the transaction id has to be 1 to {LONGEST_TRANSACTION} printable characters"
        )
    if len(asked.csr) > LONGEST_CSR:
        raise EnrolmentRefusedError(
            f"the PKCS#10 has {len(asked.csr)} octets, where {LONGEST_CSR} are the most"
        )
    request = _parsed(asked.csr)
    proof = prove_possession(request)
    if proof.outcome is Possession.BROKEN:
        raise EnrolmentRefusedError(
            "the PKCS#10's signature does not verify with its own key", "badMessageCheck"
        )
    if proof.outcome is Possession.UNKNOWN:
        raise EnrolmentRefusedError(
            f"the PKCS#10 is signed with {request.signature_algorithm}, which cannot be verified",
            "badAlg",
        )
    kept = kept_form(request)
    challenge = challenge_of(request) if asked.challenge is None else asked.challenge
    return Arrival(asked, request, kept, sha256(kept).digest(), challenge)


def _parsed(csr: bytes) -> CertificateRequest:
    try:
        return parse_request(csr)
    except MalformedError as error:
        raise EnrolmentRefusedError(f"the PKCS#10 cannot be read: {error.message}") from None
    except CAError as error:
        raise EnrolmentRefusedError(error.message, "badAlg") from None
