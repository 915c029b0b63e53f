"""Answer OCSP requests (RFC 6960): from a request's DER to a response's DER, without HTTP or SQL.

Encoded by hand, because the library's builder takes a single CertID and encodes it again, while
every CertID of a request must be returned with exactly the octets received.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha1, sha256, sha384, sha512
from typing import Literal

import msgspec

from ca.encoding import oids
from ca.encoding.crl import REASON_CODES
from ca.encoding.der import BIT_STRING, OCTET_STRING, encode_enumerated, encode_oid, sequence, tlv
from ca.encoding.times import generalized_time
from ca.errors import MalformedError
from ca.keys.signer import Signer
from ca.revocation.ocsp_request import CertID, OCSPRequest, read_ocsp_request

HASHES: dict[str, Callable[[bytes], bytes]] = {
    oids.SHA1: lambda data: sha1(data, usedforsecurity=False).digest(),
    oids.SHA256: lambda data: sha256(data).digest(),
    oids.SHA384: lambda data: sha384(data).digest(),
    oids.SHA512: lambda data: sha512(data).digest(),
}
"""The hash algorithms that a CertID may use."""

_BASIC = encode_oid(oids.OCSP_BASIC)
_NONCE = encode_oid(oids.OCSP_NONCE)
_GOOD, _UNKNOWN = b"\x80\x00", b"\x82\x00"

ResponseStatus = Literal[
    "successful", "malformedRequest", "internalError", "tryLater", "unauthorized"
]
_STATUS_CODES: dict[ResponseStatus, int] = {
    "successful": 0,
    "malformedRequest": 1,
    "internalError": 2,
    "tryLater": 3,
    "unauthorized": 6,
}


class Revoked(msgspec.Struct, frozen=True):
    """The status of a certificate that is revoked or held: since when, and why."""

    since: datetime
    reason: str


StatusOf = Callable[[int, int], "Revoked | Literal['good', 'unknown']"]
"""Looks up the status of a certificate by the issuer's id and the serial number."""


class Responder(msgspec.Struct, frozen=True):
    """The delegated OCSP signer of one issuer, with the issuer's name (DER) and key bits.

    ``since`` and ``until`` are the validity of the signer's certificate: nothing is answered
    outside of it, and no nextUpdate is later.
    """

    issuer_id: int
    issuer_name: bytes
    issuer_key_bits: bytes
    signer: Signer
    certificate: bytes
    key_bits: bytes
    since: datetime
    until: datetime


class Answer(msgspec.Struct, frozen=True):
    """A response. ``reusable``: until ``next_update`` it may answer the same request again.

    ``known``: all certificates asked for were issued here, so the number of such answers is finite.
    """

    der: bytes
    status: ResponseStatus
    reason: str = ""
    reusable: bool = False
    this_update: datetime | None = None
    next_update: datetime | None = None
    known: bool = False


class SilentIssuer(msgspec.Struct, frozen=True):
    """A CA of ours without a usable OCSP signer: its name (DER) and key bits."""

    name: bytes
    key_bits: bytes


class OCSPResponder:
    """Answers requests for the issuers of the given responders.

    For ``silent`` issuers it answers tryLater, because ``unauthorized`` would mean that they are
    not ours.
    """

    def __init__(
        self, responders: Sequence[Responder], silent: Sequence[SilentIssuer] = ()
    ) -> None:
        self.responders = tuple(responders)
        self._issuers: dict[tuple[str, bytes, bytes], Responder] = {}
        for responder in responders:
            for key in _issuer_keys(responder.issuer_name, responder.issuer_key_bits):
                self._issuers[key] = responder
        self._silent = {key for each in silent for key in _issuer_keys(each.name, each.key_bits)}
        self._fixed = {each.issuer_id: _fixed_parts(each) for each in responders}

    def answer(
        self, request: bytes | OCSPRequest, status_of: StatusOf, *, at: datetime, until: datetime
    ) -> Answer:
        """The response to a request, with ``at`` as thisUpdate and ``until`` as nextUpdate.

        A request for no certificate of ours is answered ``unauthorized`` (RFC 5019, 2.2.3); beside
        one of ours, other certificates are ``unknown``. No content of a request raises an error.
        """
        try:
            asked = read_ocsp_request(request) if isinstance(request, bytes) else request
        except MalformedError as error:
            return failure("malformedRequest", error.message)
        responders = [self._responder_for(each) for each in asked.cert_ids]
        responder = next((each for each in responders if each is not None), None)
        if responder is None and self._silent.intersection(map(_issuer_key, asked.cert_ids)):
            return failure("tryLater", "this CA has no OCSP signer whose certificate is valid now")
        if responder is None:
            return failure("unauthorized", "no certificate of this CA was asked for")
        if not responder.since <= at <= responder.until:
            return failure("tryLater", "the certificate of the OCSP signer is not valid now")
        until = min(until, responder.until)
        this_update, next_update = generalized_time(at), generalized_time(until)
        times = this_update + tlv(0xA0, next_update)
        singles, known = [], True
        for cert_id, its_responder in zip(asked.cert_ids, responders, strict=True):
            status = (
                "unknown"
                if its_responder is not responder
                else status_of(responder.issuer_id, cert_id.serial)
            )
            known = known and status != "unknown"
            singles.append(_single(cert_id, status, times))
        response = self._sign(responder, asked, singles, this_update)
        return Answer(response, "successful", "", asked.nonce is None, at, until, known)

    def _responder_for(self, cert_id: CertID) -> Responder | None:
        return self._issuers.get(_issuer_key(cert_id))

    def _sign(
        self, responder: Responder, asked: OCSPRequest, singles: list[bytes], produced_at: bytes
    ) -> bytes:
        identifier, certificates = self._fixed[responder.issuer_id]
        extensions = b""
        if asked.nonce is not None:
            extension = sequence(_NONCE, tlv(OCTET_STRING, asked.nonce))
            extensions = tlv(0xA1, sequence(extension))
        tbs = sequence(identifier, produced_at, sequence(*singles), extensions)
        signature = tlv(BIT_STRING, b"\x00" + responder.signer.sign(tbs))
        basic = sequence(tbs, responder.signer.algorithm, signature, certificates)
        response = tlv(0xA0, sequence(_BASIC, tlv(OCTET_STRING, basic)))
        return sequence(encode_enumerated(0), response)


def _issuer_key(cert_id: CertID) -> tuple[str, bytes, bytes]:
    return cert_id.hash_oid, cert_id.name_hash, cert_id.key_hash


def _issuer_keys(name: bytes, key_bits: bytes) -> list[tuple[str, bytes, bytes]]:
    """The hashes by which CertIDs may identify an issuer (RFC 6960, 4.1.1)."""
    return [(oid, hashed(name), hashed(key_bits)) for oid, hashed in HASHES.items()]


def _fixed_parts(responder: Responder) -> tuple[bytes, bytes]:
    """The parts that all answers of a responder share: ResponderID byKey, and its certificate."""
    key_hash = sha1(responder.key_bits, usedforsecurity=False).digest()
    return tlv(0xA2, tlv(OCTET_STRING, key_hash)), tlv(0xA0, sequence(responder.certificate))


def cert_id(responder: Responder, hash_oid: str, serial: int, *, with_null: bool) -> bytes:
    """The DER of the CertID that a client creates for a serial number of the issuer."""
    from ca.encoding.der import NULL, encode_integer

    hashed = HASHES[hash_oid]
    return sequence(
        sequence(encode_oid(hash_oid), tlv(NULL, b"") if with_null else b""),
        tlv(OCTET_STRING, hashed(responder.issuer_name)),
        tlv(OCTET_STRING, hashed(responder.issuer_key_bits)),
        encode_integer(serial),
    )


def request_for(cert_id: bytes) -> bytes:
    """The simplest request for one CertID, without version and extensions (DER)."""
    return sequence(sequence(sequence(sequence(cert_id))))


def failure(status: ResponseStatus, reason: str) -> Answer:
    """An unsigned error response (RFC 6960, 2.3)."""
    return Answer(sequence(encode_enumerated(_STATUS_CODES[status])), status, reason)


def _single(cert_id: CertID, status: Revoked | Literal["good", "unknown"], times: bytes) -> bytes:
    """A SingleResponse (4.2.1); ``times`` are the encoded thisUpdate and nextUpdate."""
    if isinstance(status, Revoked):
        code = REASON_CODES[status.reason]
        reason = tlv(0xA0, encode_enumerated(code)) if code else b""
        encoded = tlv(0xA1, generalized_time(status.since) + reason)
    else:
        encoded = _GOOD if status == "good" else _UNKNOWN
    return sequence(cert_id.raw, encoded, times)
