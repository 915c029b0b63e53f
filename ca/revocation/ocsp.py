"""OCSP (RFC 6960): request DER and a register to response DER; no HTTP, no SQL.

Built by hand, because the library's builder takes one CertID and encodes it anew: a CertID
goes back with the very octets that came.
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
"""The hash algorithms that a CertID may be made with."""

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
    """That a certificate is revoked or held: since when, and why."""

    since: datetime
    reason: str


StatusOf = Callable[[int, int], "Revoked | Literal['good', 'unknown']"]
"""The status of an issuer's serial: issuer number, serial."""


class Responder(msgspec.Struct, frozen=True):
    """What answers for one issuer: the issuer's name and key bits, and its delegated signer.

    ``since`` and ``until`` are the dates of the signer's certificate: no answer is given before,
    and none says more than its end.
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
    """A response. ``reusable``: it answers the same request again until ``next_update``.

    ``known``: every certificate asked for is one of ours, so that there is an end of such answers.
    """

    der: bytes
    status: ResponseStatus
    reason: str = ""
    reusable: bool = False
    this_update: datetime | None = None
    next_update: datetime | None = None
    known: bool = False


class SilentIssuer(msgspec.Struct, frozen=True):
    """An issuer of ours that nobody can answer for now: its name and key bits."""

    name: bytes
    key_bits: bytes


class OCSPResponder:
    """Answers requests for the issuers whose responders it is given.

    For ``silent`` ones it says tryLater: ``unauthorized`` would say that they are not ours.
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
        """The response to a request, honest about ``at``, to be asked again at ``until``.

        A request without any certificate of ours is answered ``unauthorized`` (RFC 5019, 2.2.3);
        beside one of ours, others are ``unknown``. Never raises for what a request holds.
        """
        try:
            asked = read_ocsp_request(request) if isinstance(request, bytes) else request
        except MalformedError as error:
            return failure("malformedRequest", error.message)
        found = [self._responder_for(each) for each in asked.cert_ids]
        responder = next((each for each in found if each is not None), None)
        if responder is None and self._silent.intersection(map(_issuer_key, asked.cert_ids)):
            return failure("tryLater", "no OCSP signer of this CA is in force")
        if responder is None:
            return failure("unauthorized", "no certificate of this CA was asked for")
        if not responder.since <= at <= responder.until:
            return failure("tryLater", "the certificate of the OCSP signer is not in force")
        until = min(until, responder.until)
        now, then = generalized_time(at), generalized_time(until)
        times = now + tlv(0xA0, then)
        singles, known = [], True
        for cert_id, theirs in zip(asked.cert_ids, found, strict=True):
            status = (
                "unknown"
                if theirs is not responder
                else status_of(responder.issuer_id, cert_id.serial)
            )
            known = known and status != "unknown"
            singles.append(_single(cert_id, status, times))
        signed = self._signed(responder, asked, singles, now)
        return Answer(signed, "successful", "", asked.nonce is None, at, until, known)

    def _responder_for(self, cert_id: CertID) -> Responder | None:
        return self._issuers.get(_issuer_key(cert_id))

    def _signed(
        self, responder: Responder, asked: OCSPRequest, singles: list[bytes], now: bytes
    ) -> bytes:
        identifier, certificates = self._fixed[responder.issuer_id]
        extensions = b""
        if asked.nonce is not None:
            extension = sequence(_NONCE, tlv(OCTET_STRING, asked.nonce))
            extensions = tlv(0xA1, sequence(extension))
        tbs = sequence(identifier, now, sequence(*singles), extensions)
        signature = tlv(BIT_STRING, b"\x00" + responder.signer.sign(tbs))
        basic = sequence(tbs, responder.signer.algorithm, signature, certificates)
        response = tlv(0xA0, sequence(_BASIC, tlv(OCTET_STRING, basic)))
        return sequence(encode_enumerated(0), response)


def _issuer_key(cert_id: CertID) -> tuple[str, bytes, bytes]:
    return cert_id.hash_oid, cert_id.name_hash, cert_id.key_hash


def _issuer_keys(name: bytes, key_bits: bytes) -> list[tuple[str, bytes, bytes]]:
    """What CertIDs may call an issuer (RFC 6960, 4.1.1)."""
    return [(oid, hashed(name), hashed(key_bits)) for oid, hashed in HASHES.items()]


def _fixed_parts(responder: Responder) -> tuple[bytes, bytes]:
    """What every answer of a responder holds: its ResponderID by key, its certificate."""
    key_hash = sha1(responder.key_bits, usedforsecurity=False).digest()
    return tlv(0xA2, tlv(OCTET_STRING, key_hash)), tlv(0xA0, sequence(responder.certificate))


def cert_id(responder: Responder, hash_oid: str, serial: int, *, with_null: bool) -> bytes:
    """The CertID that a client would make of an issuer's serial."""
    from ca.encoding.der import NULL, encode_integer

    hashed = HASHES[hash_oid]
    return sequence(
        sequence(encode_oid(hash_oid), tlv(NULL, b"") if with_null else b""),
        tlv(OCTET_STRING, hashed(responder.issuer_name)),
        tlv(OCTET_STRING, hashed(responder.issuer_key_bits)),
        encode_integer(serial),
    )


def request_for(cert_id: bytes) -> bytes:
    """The plainest request that asks for one CertID: no version, no extensions."""
    return sequence(sequence(sequence(sequence(cert_id))))


def failure(status: ResponseStatus, reason: str) -> Answer:
    """An unsigned error response (RFC 6960, 2.3)."""
    return Answer(sequence(encode_enumerated(_STATUS_CODES[status])), status, reason)


def _single(cert_id: CertID, status: Revoked | Literal["good", "unknown"], times: bytes) -> bytes:
    """A SingleResponse (4.2.1); ``times`` are thisUpdate and nextUpdate."""
    if isinstance(status, Revoked):
        code = REASON_CODES[status.reason]
        reason = tlv(0xA0, encode_enumerated(code)) if code else b""
        encoded = tlv(0xA1, generalized_time(status.since) + reason)
    else:
        encoded = _GOOD if status == "good" else _UNKNOWN
    return sequence(cert_id.raw, encoded, times)
