"""Keys that may be weak, only for the bad certificates of fixtures; they are never stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ca.encoding.der import NULL, encode_oid, sequence, tlv
from ca.encoding.oids import SIGNATURE_OIDS
from ca.keys.public import PublicKey, read_public_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

SHA1_WITH_RSA = sequence(encode_oid(SIGNATURE_OIDS["sha1WithRSAEncryption"]), tlv(NULL, b""))


class ThrowawayPair(msgspec.Struct, frozen=True):
    """A key for one fixture's leaf: its PEM and its public key."""

    pem: bytes
    public: PublicKey


class ThrowawayKey(ThrowawayPair, frozen=True):
    """A key for one fixture: its PEM, its public key and its signer."""

    signer: ThrowawaySigner


class ThrowawaySigner:
    """Signs with RSA and SHA-256, or with SHA-1 for the fixture that demonstrates it."""

    def __init__(self, key: rsa.RSAPrivateKey, public: PublicKey) -> None:
        from ca.keys.signer import algorithm_identifier

        self._key = key
        self.public_key = public.spki
        self.algorithm = algorithm_identifier(public)

    def sign(self, tbs: bytes) -> bytes:
        """Sign these octets with SHA-256."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        return self._key.sign(tbs, padding.PKCS1v15(), hashes.SHA256())

    def sign_sha1(self, tbs: bytes) -> bytes:
        """Sign these octets with SHA-1."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        return self._key.sign(tbs, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - the point of it


def generate_throwaway_ec() -> ThrowawayPair:
    """Generate a P-256 key for a leaf: it signs nothing here."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return ThrowawayPair(pem, read_public_key(spki))


def generate_throwaway(bits: int = 2048) -> ThrowawayKey:
    """Generate an RSA key of any size, also one that the rules refuse."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    public = read_public_key(spki)
    return ThrowawayKey(pem, public, ThrowawaySigner(key, public))
