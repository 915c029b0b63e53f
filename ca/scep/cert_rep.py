"""CertReps, what devices are answered (RFC 8894, 3.3.2): SUCCESS, PENDING or FAILURE."""

from __future__ import annotations

import msgspec

from ca.encoding import der, oids, pkcs7
from ca.scep.algorithms import ContentCipher
from ca.scep.enveloped_data import Dice, Recipient, make_envelope
from ca.scep.failures import FAIL_INFO, FailInfo
from ca.scep.message import Envelope
from ca.scep.signed_data import make_crl_only, make_signed_data

_CERT_REP = "3"
_SUCCESS, _FAILURE, _PENDING = "0", "2", "3"
NONCE_OCTETS = 16


class Answering(msgspec.Struct, frozen=True):
    """Who answers which message: the RA, with random octets and a hash."""

    envelope: Envelope
    ra: Recipient
    dice: Dice
    hash_name: str

    def failure(self, fail_info: FailInfo) -> bytes:
        """The request is refused."""
        return self._signed(b"", _FAILURE, {oids.SCEP_FAIL_INFO: _printable(FAIL_INFO[fail_info])})

    def pending(self) -> bytes:
        """The request waits for somebody's decision; the device asks again."""
        return self._signed(b"", _PENDING, {})

    def certificate(self, issued: bytes, recipient: bytes, cipher: ContentCipher) -> bytes:
        """Hand out a certificate, encrypted for the certificate that signed the request."""
        return self._success(pkcs7.certs_only([issued]), recipient, cipher)

    def crl(self, crl: bytes, recipient: bytes, cipher: ContentCipher) -> bytes:
        """Hand out a CRL, encrypted likewise."""
        return self._success(make_crl_only(crl), recipient, cipher)

    def _success(self, inside: bytes, recipient: bytes, cipher: ContentCipher) -> bytes:
        sealed = make_envelope(inside, recipient, cipher=cipher, dice=self.dice)
        return self._signed(sealed, _SUCCESS, {})

    def _signed(self, content: bytes, status: str, more: dict[str, bytes]) -> bytes:
        attributes = {
            oids.SCEP_MESSAGE_TYPE: _printable(_CERT_REP),
            oids.SCEP_PKI_STATUS: _printable(status),
            oids.SCEP_TRANSACTION_ID: _printable(self.envelope.transaction_id),
            oids.SCEP_SENDER_NONCE: der.tlv(der.OCTET_STRING, self.dice(NONCE_OCTETS)),
            **more,
        }
        if self.envelope.sender_nonce:
            nonce = der.tlv(der.OCTET_STRING, self.envelope.sender_nonce)
            attributes[oids.SCEP_RECIPIENT_NONCE] = nonce
        return make_signed_data(
            content,
            attributes,
            key=self.ra.key,
            certificate=self.ra.certificate,
            hashed_by=self.hash_name,
        )


def next_ca(certificates: list[bytes], ra: Recipient) -> bytes:
    """The certificates of the CA to come, signed by the RA of today (RFC 8894, 4.7.1)."""
    return make_signed_data(
        pkcs7.certs_only(certificates),
        {},
        key=ra.key,
        certificate=ra.certificate,
        hashed_by="SHA256",
    )


def _printable(text: str) -> bytes:
    return der.tlv(der.PRINTABLE_STRING, text.encode("ascii"))
