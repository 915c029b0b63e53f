"""A device that speaks SCEP: its key, its requests, its messages, what it reads of a CertRep."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import AttributeOID, NameOID
from stand_in.service import Service

from ca.encoding import der, oids
from ca.keys.messages import MessageKey, open_message_key
from ca.keys.signer import KeyRef
from ca.scep.algorithms import CIPHERS, Leniency
from ca.scep.enveloped_data import Recipient, make_envelope, open_envelope
from ca.scep.signed_data import check_signature, make_signed_data, read_signed_data

STATUS = {"0": "SUCCESS", "2": "FAILURE", "3": "PENDING"}
FAIL_INFO = ("badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId")
MESSAGE_TYPES = {
    "RenewalReq": "17",
    "PKCSReq": "19",
    "CertPoll": "20",
    "GetCert": "21",
    "GetCRL": "22",
}
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class CertRep(NamedTuple):
    """What a device reads of an answer whose signature it has verified."""

    status: str
    fail_info: str | None
    transaction_id: str
    recipient_nonce: bytes
    signer: bytes
    envelope: bytes
    hash_name: str


def message_key(key: rsa.RSAPrivateKey) -> MessageKey:
    """The same key, as sipca's own opens it."""
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return open_message_key(KeyRef(private, public, False, "device's"))


class SCEPDevice:
    """A device with a key of its own and a certificate that it signed itself."""

    def __init__(self, cn: str = "phone1.lab.example", *, key: Any = None) -> None:
        self.cn = cn
        self.key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
        self.certificate = self.self_signed()
        self.transaction_id = os.urandom(16).hex()
        self.nonce = os.urandom(16)

    def self_signed(self) -> bytes:
        """A certificate of its own making, as RFC 8894, 2.3 has it."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_BEGAN)
            .not_valid_after(_BEGAN + timedelta(days=3650))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def csr(self, challenge: str | None = None, *, key: Any = None) -> bytes:
        """A PKCS#10 request for its name, perhaps with a challenge."""
        san = x509.SubjectAlternativeName([x509.DNSName(self.cn)])
        builder = x509.CertificateSigningRequestBuilder().subject_name(self.name)
        builder = builder.add_extension(san, critical=False)
        if challenge is not None:
            builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, challenge.encode())
        return builder.sign(key or self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def message(
        self,
        kind: str,
        content: bytes,
        recipient: bytes,
        *,
        cipher: str = "aes128_cbc",
        hashed_by: str = "SHA256",
        attributes: dict[str, bytes] | None = None,
    ) -> bytes:
        """A pkiMessage of some type for an RA."""
        sealed = make_envelope(content, recipient, cipher=CIPHERS[cipher], dice=os.urandom)
        return self.signed(kind, sealed, hashed_by=hashed_by, attributes=attributes)

    def signed(
        self,
        kind: str,
        sealed: bytes,
        *,
        hashed_by: str = "SHA256",
        attributes: dict[str, bytes] | None = None,
        key: Any = None,
    ) -> bytes:
        """The same, around an envelope that is there already."""
        return make_signed_data(
            sealed,
            {
                oids.SCEP_MESSAGE_TYPE: printable(MESSAGE_TYPES.get(kind, kind)),
                oids.SCEP_TRANSACTION_ID: printable(self.transaction_id),
                oids.SCEP_SENDER_NONCE: der.tlv(der.OCTET_STRING, self.nonce),
                **(attributes or {}),
            },
            key=key or message_key(self.key),
            certificate=self.certificate,
            hashed_by=hashed_by,
        )

    def poll(self, issuer: bytes) -> bytes:
        """The content of a CertPoll: the issuer's name and its own."""
        return der.sequence(issuer, self.name.public_bytes())

    def opened(self, answer: CertRep) -> list[bytes]:
        """The certificates that a SUCCESS hands out."""
        bundle = self.bundle(answer)
        return [each.chosen.dump() for each in bundle["certificates"]]

    def bundle(self, answer: CertRep) -> Any:
        """The degenerate SignedData inside of a SUCCESS."""
        ours = [Recipient(self.certificate, message_key(self.key))]
        inside = open_envelope(answer.envelope, ours, Leniency(takes_old=True))
        return cms.ContentInfo.load(inside.content, strict=True)["content"]


def read_cert_rep(data: bytes) -> CertRep:
    """Verify a CertRep as a device does that knows no RA yet, and read its attributes."""
    message = read_signed_data(data)
    signer = check_signature(message)

    def text(name: str) -> str | None:
        value = message.attributes.get(name)
        return None if value is None else der.read(value).contents.decode("ascii")

    assert text(oids.SCEP_MESSAGE_TYPE) == "3", "a CertRep"
    assert len(der.read(message.attributes[oids.SCEP_SENDER_NONCE]).contents) == 16
    fail_info = text(oids.SCEP_FAIL_INFO)
    nonce = message.attributes.get(oids.SCEP_RECIPIENT_NONCE, b"\x04\x00")
    return CertRep(
        STATUS[text(oids.SCEP_PKI_STATUS) or ""],
        None if fail_info is None else FAIL_INFO[int(fail_info)],
        text(oids.SCEP_TRANSACTION_ID) or "",
        der.read(nonce).contents,
        signer.der,
        message.content,
        message.hash_name or "",
    )


def printable(text: str) -> bytes:
    """A PrintableString."""
    return der.tlv(der.PRINTABLE_STRING, text.encode())


def in_pieces(message: bytes) -> bytes:
    """A message as BER: indefinite lengths on the way to its content, which is in two pieces."""
    kind, outer = der.read(message).children()
    fields = outer.children()[0].children()
    data, holder = fields[2].children()
    content = holder.children()[0].contents
    pieces = content[: len(content) // 2], content[len(content) // 2 :]
    octets = endless(0x24, *(der.tlv(der.OCTET_STRING, each) for each in pieces))
    fields_raw = [each.raw for each in fields]
    fields_raw[2] = endless(der.SEQUENCE, data.raw, endless(0xA0, octets))
    return endless(der.SEQUENCE, kind.raw, endless(0xA0, endless(der.SEQUENCE, *fields_raw)))


def endless(tag: int, *parts: bytes) -> bytes:
    """A value of indefinite length."""
    return bytes((tag, 0x80)) + b"".join(parts) + b"\x00\x00"


class Reply(NamedTuple):
    """An HTTP reply."""

    status: int
    headers: dict[str, str]
    body: bytes


def http(service: Service, path: str, body: bytes | None = None, *, version: str = "1.1") -> Reply:
    """Ask the server, by POST if there is a body."""
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    method = "GET" if body is None else "POST"
    head = f"{method} {path} HTTP/{version}\r\nHost: x\r\nConnection: close\r\n{length}\r\n"
    received = service.raw(head.encode() + (body or b""), wait=20)
    top, _, rest = received.partition(b"\r\n\r\n")
    lines = top.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return Reply(int(lines[0].split()[1]), headers, rest)


def posted(service: Service, message: bytes, path: str = "/scep") -> CertRep:
    """The CertRep to a message by POST."""
    reply = http(service, f"{path}?operation=PKIOperation", message)
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == "application/x-pki-message"
    return read_cert_rep(reply.body)


def ca_and_ra(service: Service) -> list[bytes]:
    """The certificates that GetCACert hands out: RA first, then the issuing CA and the root."""
    reply = http(service, "/scep?operation=GetCACert&message=any")
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == "application/x-x509-ca-ra-cert"
    bundle = cms.ContentInfo.load(reply.body, strict=True)["content"]["certificates"]
    held = {x509.load_der_x509_certificate(each.chosen.dump()) for each in bundle}
    issuers = {each.issuer for each in held}
    ra = next(each for each in held if each.subject not in issuers)
    issuing = next(each for each in held if each.subject == ra.issuer)
    root = next(each for each in held if each.subject == issuing.issuer)
    return [each.public_bytes(Encoding.DER) for each in (ra, issuing, root)]
