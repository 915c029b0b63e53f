"""The key of an RA: it opens what was encrypted for it, and signs with the hash that is asked for.

A ``Signer`` of the other rooms signs certificates, always with one algorithm of its own, and never
decrypts; no CA key is ever opened here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ca.encoding.oids import HASHES
from ca.errors import KeyUnavailableError, VerificationError
from ca.keys import at_rest
from ca.keys.public import load_public_key, read_public_key
from ca.keys.signer import KeyRef

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm


class MessageKey:
    """An opened RSA key for messages in CMS (RFC 5652)."""

    def __init__(self, key: RSAPrivateKey, public: bytes) -> None:
        self._key = key
        self.public_key = public

    def decrypt(self, encrypted: bytes, *, oaep: str | None = None) -> bytes:
        """The content key inside; ``oaep`` names the hash of OAEP, without which it is PKCS#1 v1.5.

        Of PKCS#1 v1.5 with wrong padding OpenSSL returns random octets, so that nobody learns from
        the answer what was inside.

        Raises:
            VerificationError: it was not encrypted for this key.
        """
        from cryptography.hazmat.primitives.asymmetric import padding

        try:
            if oaep:
                hashed = _hash(oaep)
                scheme = padding.OAEP(padding.MGF1(hashed), hashed, None)
                return self._key.decrypt(encrypted, scheme)
            return self._key.decrypt(encrypted, padding.PKCS1v15())
        except ValueError:
            raise VerificationError("the content key does not decrypt") from None

    def sign(self, octets: bytes, *, hashed_by: str = "SHA256") -> bytes:
        """Sign these octets by PKCS#1 v1.5, with a hash named as in ``HASHES``."""
        from cryptography.hazmat.primitives.asymmetric import padding

        return self._key.sign(octets, padding.PKCS1v15(), _hash(hashed_by))


def open_message_key(ref: KeyRef) -> MessageKey:
    """Open the key of an RA, which is kept without a passphrase.

    Raises:
        KeyUnavailableError: it is damaged, is not RSA, or does not belong to its certificate.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = at_rest.load(ref.pkcs8, None, label=ref.label)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeyUnavailableError(f"the {ref.label} key is not RSA, so nothing decrypts with it")
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if read_public_key(public).identity != read_public_key(ref.public).identity:
        raise KeyUnavailableError(f"the {ref.label} key does not belong to its certificate")
    return MessageKey(key, public)


def encrypt_for(spki: bytes, content_key: bytes) -> bytes:
    """Encrypt a content key for the holder of an RSA key, by PKCS#1 v1.5.

    Raises:
        VerificationError: the key is not RSA, or too short for it.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        key = load_public_key(spki)
        if isinstance(key, rsa.RSAPublicKey):
            return key.encrypt(content_key, padding.PKCS1v15())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    raise VerificationError("nothing can be encrypted for this key")


def digest(octets: bytes, *, hashed_by: str) -> bytes:
    """The digest of some octets, by a hash named as in ``HASHES``."""
    from cryptography.hazmat.primitives import hashes

    hasher = hashes.Hash(_hash(hashed_by))
    hasher.update(octets)
    return hasher.finalize()


def _hash(name: str) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    assert name in HASHES.values()
    algorithm: HashAlgorithm = getattr(hashes, name)()
    return algorithm
