"""A device's pkiMessage (RFC 8894, 3.2): read it, verify it, open it, and see what it asks.

The order is that of the RFC: who signed, did they sign this, is it for us, what is inside. As soon
as the transaction id is known, whatever is wrong can be answered with a CertRep; before that the
message is no message.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ca.encoding import der, oids
from ca.errors import MalformedError
from ca.keys.public import read_public_key
from ca.model.certificates import CertificateFacts
from ca.scep.algorithms import ContentCipher, Leniency
from ca.scep.enveloped_data import Recipient, open_envelope
from ca.scep.failures import FailedCheckError
from ca.scep.request import CertificateName, CertPoll, Enrolment, MessageType, read_request
from ca.scep.signed_data import SignedMessage, check_signature, read_signed_data

MAX_TRANSACTION_ID, MAX_NONCE = 128, 64
SMALLEST_KEY = 1024
"""Bits of an RSA key that content keys can be encrypted for; profiles ask for more to certify."""
MESSAGE_TYPES = {
    "17": MessageType.RENEWAL_REQ,
    "19": MessageType.PKCS_REQ,
    "20": MessageType.CERT_POLL,
    "21": MessageType.GET_CERT,
    "22": MessageType.GET_CRL,
}


class Envelope(msgspec.Struct, frozen=True):
    """What of a message is known before anything of it is believed: enough to answer it."""

    transaction_id: str
    sender_nonce: bytes
    message: SignedMessage


class Opened(msgspec.Struct, frozen=True):
    """A message whose signature holds and whose content was decrypted.

    ``signer`` is the certificate that signed it, which nobody vouches for yet; ``recipient`` is the
    RA that it was encrypted for; ``legacy`` names the old algorithms that it used.
    """

    kind: MessageType
    asked: Enrolment | CertPoll | CertificateName
    signer: CertificateFacts
    recipient: Recipient
    cipher: ContentCipher
    legacy: tuple[str, ...]


def read_message(data: bytes) -> Envelope:
    """Read a message as far as it can be answered.

    Raises:
        MalformedError: it is not a SCEP message, or has no usable transaction id.
    """
    message = read_signed_data(data)
    nonce = _optional(message, oids.SCEP_SENDER_NONCE, der.OCTET_STRING)
    if len(nonce) > MAX_NONCE:
        raise MalformedError(f"the message's senderNonce has more than {MAX_NONCE} octets")
    return Envelope(_transaction_id(message), nonce, message)


def open_message(envelope: Envelope, recipients: Sequence[Recipient], leniency: Leniency) -> Opened:
    """Verify a message's signature, decrypt it and read what it asks.

    Raises:
        FailedCheckError: it does not hold, or asks for what no message may ask for.
    """
    message = envelope.message
    try:
        kind = MESSAGE_TYPES.get(_text(message, oids.SCEP_MESSAGE_TYPE))
        if kind is None:
            raise FailedCheckError(
                "badRequest", "the message is of a type that sipca does not know"
            )
        legacy = leniency.check_hash(message.hash_name)
        signer = check_signature(message)
        _check_answerable(signer)
        inside = open_envelope(message.content, recipients, leniency)
        if inside.cipher.is_old:
            legacy += (inside.cipher.name,)
        asked = read_request(kind, inside.content, signer)
    except MalformedError as error:
        raise FailedCheckError("badMessageCheck", error.message, hint=error.hint) from None
    return Opened(kind, asked, signer, inside.recipient, inside.cipher, legacy)


def hash_of_answer(envelope: Envelope, leniency: Leniency) -> str:
    """The hash that answers to a message are signed with: its own if that may be used."""
    name = envelope.message.hash_name
    try:
        leniency.check_hash(name)
    except FailedCheckError:
        return "SHA256"
    return name or "SHA256"


def _check_answerable(signer: CertificateFacts) -> None:
    """Whether the answer can be encrypted for the signer, which takes an RSA key."""
    key = read_public_key(signer.spki)
    if key.algorithm != "rsa" or key.size < SMALLEST_KEY:
        raise FailedCheckError(
            "badAlg",
            f"the device's key is {key.label}, and answers are encrypted for RSA keys alone, of "
            f"{SMALLEST_KEY} bits or more",
            hint="let the device make an RSA key of 2048 bits or more",
        )


def _transaction_id(message: SignedMessage) -> str:
    text = _text(message, oids.SCEP_TRANSACTION_ID)
    if not 1 <= len(text) <= MAX_TRANSACTION_ID:
        raise MalformedError(
            f"the message's transaction id has {len(text)} characters, not 1 to "
            f"{MAX_TRANSACTION_ID}"
        )
    return text


def _text(message: SignedMessage, name: str) -> str:
    """A PrintableString attribute; UTF8String and IA5String of printable ASCII pass as well."""
    node = der.read(message.attributes.get(name, b"\x13\x00"))
    try:
        text = node.contents.decode("ascii")
    except UnicodeDecodeError:
        text = "\x00"
    allowed = (der.PRINTABLE_STRING, der.UTF8_STRING, der.IA5_STRING)
    if node.tag not in allowed or not (text.isprintable() or not text):
        raise MalformedError("the message has an attribute that is not printable text")
    return text


def _optional(message: SignedMessage, name: str, tag: int) -> bytes:
    value = message.attributes.get(name)
    if value is None:
        return b""
    node = der.read(value)
    if node.tag != tag:
        raise MalformedError("the message has an attribute of the wrong type")
    return node.contents
