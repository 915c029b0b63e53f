"""What is inside of a message: a PKCS#10 request, a poll, or the name of a certificate."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from ca.encoding import der
from ca.errors import MalformedError
from ca.keys.public import read_public_key
from ca.model.certificates import CertificateFacts
from ca.scep.failures import FailedCheckError


class MessageType(StrEnum):
    """The messages of devices (RFC 8894, 3.2.1.2)."""

    PKCS_REQ = "PKCSReq"
    RENEWAL_REQ = "RenewalReq"
    CERT_POLL = "CertPoll"
    GET_CERT = "GetCert"
    GET_CRL = "GetCRL"


class Enrolment(msgspec.Struct, frozen=True):
    """A wish for a certificate: the request in DER.

    New means that the device vouches for itself with the key in the request; a renewal is signed
    by a certificate that somebody issued.
    """

    csr: bytes
    kind: Literal["new", "renewal"]


class CertPoll(msgspec.Struct, frozen=True):
    """The question for a request that waits: the issuer's and the subject's names in DER."""

    issuer: bytes
    subject: bytes


class CertificateName(msgspec.Struct, frozen=True):
    """Which certificate is meant, or the CRL that would list it."""

    issuer: bytes
    serial: int


def read_request(
    kind: MessageType, content: bytes, signer: CertificateFacts
) -> Enrolment | CertPoll | CertificateName:
    """Read the content of a message of some type.

    Raises:
        FailedCheckError: a new request is signed by another key than its own.
        MalformedError: it is not what the type says.
    """
    if kind in (MessageType.PKCS_REQ, MessageType.RENEWAL_REQ):
        return _enrolment(kind, content, signer)
    parts = der.read(content, what="the message's content").children()
    if len(parts) != 2 or parts[0].tag != der.SEQUENCE:
        raise MalformedError(f"the content of a {kind} is not two fields, the issuer's name first")
    if kind is MessageType.CERT_POLL:
        if parts[1].tag != der.SEQUENCE:
            raise MalformedError("a CertPoll does not name a subject")
        return CertPoll(parts[0].raw, parts[1].raw)
    return CertificateName(parts[0].raw, der.integer(parts[1]))


def _enrolment(kind: MessageType, csr: bytes, signer: CertificateFacts) -> Enrolment:
    tbs, _, _ = der.signed_parts(csr, what="the PKCS#10 request")
    fields = tbs.children()
    if len(fields) < 3:
        raise MalformedError("the PKCS#10 request has no key")
    is_own = signer.subject_der == signer.issuer_der
    if kind is MessageType.RENEWAL_REQ or not is_own:
        return Enrolment(csr, "renewal")
    if read_public_key(fields[2].raw).identity != read_public_key(signer.spki).identity:
        raise FailedCheckError(
            "badMessageCheck", "the message is signed by another key than that in its request"
        )
    return Enrolment(csr, "new")
