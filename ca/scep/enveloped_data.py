"""The inner layer of a message: EnvelopedData (RFC 5652, 6) for the holder of an RSA key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from asn1crypto import cms, core, x509

from ca.encoding import ber, der, oids
from ca.encoding.certificates import read_certificate
from ca.errors import MalformedError, VerificationError
from ca.keys.messages import MessageKey, encrypt_for
from ca.scep.algorithms import ContentCipher, Leniency
from ca.scep.failures import FailedCheckError
from ca.scep.signed_data import decoding, is_named

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import CBC

MAX_RECIPIENTS = 8
_OAEP_HASHES = {"sha1": "SHA1", "sha256": "SHA256", "sha384": "SHA384", "sha512": "SHA512"}
_PIECES = 0xA0
_UNOPENED = "the message's envelope does not open"
Dice = Callable[[int], bytes]
"""Random octets, as many as asked for."""


class Recipient(msgspec.Struct, frozen=True):
    """An RA certificate and its key."""

    certificate: bytes
    key: MessageKey


class Opened(msgspec.Struct, frozen=True):
    """What was inside of an envelope, how it was encrypted, and for which of us."""

    content: bytes
    cipher: ContentCipher
    recipient: Recipient


def open_envelope(data: bytes, recipients: Sequence[Recipient], leniency: Leniency) -> Opened:
    """Decrypt an EnvelopedData.

    Whatever is wrong with key, padding or length is told by one sentence, so that nobody can ask
    which of them it was.

    Raises:
        FailedCheckError: it is for somebody else, does not decrypt, or uses an algorithm that is
            not allowed.
        MalformedError: it is not an EnvelopedData.
    """
    with decoding("the message's envelope"):
        outer = cms.ContentInfo.load(ber.to_definite_lengths(data), strict=True)
        if outer["content_type"].native != "enveloped_data":
            raise MalformedError("the message's content is no EnvelopedData")
        envelope = outer["content"]
        inside = envelope["encrypted_content_info"]
        encryption = inside["content_encryption_algorithm"]
        name = oids.ENCRYPTION.get(encryption["algorithm"].dotted, "an unknown cipher")
        cipher = leniency.cipher(encryption["algorithm"].native, name=name)
        vector = encryption["parameters"].native
        recipient, encrypted_key, oaep = _recipient(envelope["recipient_infos"], recipients)
        encrypted = _encrypted_content(inside.dump())
    try:
        content_key = recipient.key.decrypt(encrypted_key, oaep=oaep)
        plain = _decrypted(cipher, content_key, vector, encrypted)
    except (VerificationError, ValueError, TypeError):
        raise FailedCheckError("badMessageCheck", _UNOPENED) from None
    return Opened(plain, cipher, recipient)


def _encrypted_content(info: bytes) -> bytes:
    """The octets in an EncryptedContentInfo, which BER may have in pieces: asn1crypto reads one."""
    node = der.read(info).children()[2]
    if node.tag != _PIECES:
        return node.contents
    return b"".join(each.contents for each in node.children() if each.tag == der.OCTET_STRING)


def _recipient(infos: Any, recipients: Sequence[Recipient]) -> tuple[Recipient, bytes, str | None]:
    """Which of our certificates it is for, the encrypted content key, and OAEP's hash."""
    if not 1 <= len(infos) <= MAX_RECIPIENTS:
        raise MalformedError(f"the envelope has {len(infos)} recipients, where 1 to 8 are read")
    ours = [(each, read_certificate(each.certificate)) for each in recipients]
    for info in infos:
        if info.name != "ktri":
            continue
        for recipient, facts in ours:
            if is_named(facts, info.chosen["rid"]):
                oaep = _oaep(info.chosen["key_encryption_algorithm"])
                return recipient, info.chosen["encrypted_key"].native, oaep
    raise FailedCheckError(
        "badMessageCheck",
        "the message is encrypted for another certificate than the RA's",
        hint="the device has to fetch the RA's certificate anew (GetCACert), and encrypt for it",
    )


def _oaep(algorithm: Any) -> str | None:
    word = algorithm["algorithm"].native
    if word == "rsaes_pkcs1v15":
        return None
    parameters = algorithm["parameters"].native if word == "rsaes_oaep" else None
    if parameters is None:
        raise FailedCheckError("badAlg", "the content key is transported by an unknown algorithm")
    hashed = parameters["hash_algorithm"]["algorithm"]
    masked = parameters["mask_gen_algorithm"]["parameters"]["algorithm"]
    if hashed != masked or hashed not in _OAEP_HASHES:
        raise FailedCheckError("badAlg", "the content key is transported by OAEP of an odd kind")
    return _OAEP_HASHES[hashed]


def make_envelope(
    content: bytes, certificate: bytes, *, cipher: ContentCipher, dice: Dice
) -> bytes:
    """Encrypt content for the holder of a certificate, as EnvelopedData in DER.

    Raises:
        VerificationError: the certificate's key is not one to encrypt for.
    """
    from cryptography.hazmat.primitives import padding

    content_key, vector = dice(cipher.key_octets), dice(cipher.block_octets)
    encrypted_key = encrypt_for(read_certificate(certificate).spki, content_key)
    padder = padding.PKCS7(cipher.block_octets * 8).padder()
    encryptor = _cipher(cipher, content_key, vector).encryptor()
    encrypted = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    held = x509.Certificate.load(certificate)
    name = cms.IssuerAndSerialNumber({"issuer": held.issuer, "serial_number": held.serial_number})
    recipient = cms.KeyTransRecipientInfo(
        {
            "version": "v0",
            "rid": cms.RecipientIdentifier("issuer_and_serial_number", name),
            "key_encryption_algorithm": {
                "algorithm": "rsaes_pkcs1v15",
                "parameters": core.Null(),
            },
            "encrypted_key": encrypted_key,
        }
    )
    inside = {
        "content_type": "data",
        "content_encryption_algorithm": {"algorithm": cipher.word, "parameters": vector},
        "encrypted_content": encrypted,
    }
    envelope = cms.EnvelopedData(
        {
            "version": "v0",
            "recipient_infos": [cms.RecipientInfo("ktri", recipient)],
            "encrypted_content_info": inside,
        }
    )
    info = cms.ContentInfo({"content_type": "enveloped_data", "content": envelope})
    return bytes(info.dump())


def _decrypted(cipher: ContentCipher, key: bytes, vector: object, encrypted: bytes) -> bytes:
    from cryptography.hazmat.primitives import padding

    if not isinstance(vector, bytes):
        raise ValueError("no initialization vector")
    decryptor = _cipher(cipher, key, vector).decryptor()
    unpadder = padding.PKCS7(cipher.block_octets * 8).unpadder()
    plain = decryptor.update(encrypted) + decryptor.finalize()
    return unpadder.update(plain) + unpadder.finalize()


def _cipher(cipher: ContentCipher, key: bytes, vector: bytes) -> Cipher[CBC]:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    if len(key) != cipher.key_octets:
        raise ValueError("a key of another length")
    if not cipher.is_old:
        return Cipher(algorithms.AES(key), modes.CBC(vector))
    return Cipher(TripleDES(key * (24 // len(key))), modes.CBC(vector))  # DES: thrice the same key
