"""What a protocol hands in for a device, and what it gets back; knows no protocol."""

from __future__ import annotations

from typing import Literal

import msgspec

from ca.errors import CAError, Kind

FailInfo = Literal["badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId"]
"""Why a request is refused (RFC 8894, 3.2.1.4)."""


class EnrolmentRequest(msgspec.Struct, frozen=True):
    """A request of a device: a PKCS#10, and what its message said.

    ``signer`` is the certificate (DER) that signed the message, which has been verified; of a
    renewal it is the one to renew. ``challenge``: if None, that in the PKCS#10 counts.
    ``legacy``: names of weak algorithms that the message used.
    """

    transaction_id: str
    csr: bytes
    kind: Literal["new", "renewal"]
    signer: bytes | None
    challenge: str | None
    address: str
    legacy: tuple[str, ...] = ()


class EnrolmentAnswer(msgspec.Struct, frozen=True):
    """The answer: a certificate with the CAs above it, wait, or no, with a sentence for the log."""

    status: Literal["issued", "pending", "refused"]
    certificate: bytes | None = None
    chain: tuple[bytes, ...] = ()
    fail_info: FailInfo | None = None
    sentence: str = ""


class EnrolmentRefusedError(CAError):
    """A device's request is refused before it was recorded; becomes an answer."""

    kind = Kind.REFUSED

    def __init__(self, message: str, fail_info: FailInfo = "badRequest") -> None:
        super().__init__(message)
        self.fail_info: FailInfo = fail_info


class WrongChallengeError(EnrolmentRefusedError):
    """There is no such challenge: counted as a guess."""
