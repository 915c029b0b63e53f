"""What the rest of the house holds instead of a private key."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import msgspec

from ca.encoding.der import NULL, encode_oid, sequence, tlv
from ca.encoding.oids import SIGNATURE_OIDS
from ca.errors import PolicyError
from ca.keys.public import PublicKey

_BY_CURVE = {"p256": "ecdsa-with-SHA256", "p384": "ecdsa-with-SHA384", "p521": "ecdsa-with-SHA512"}


class Signer(Protocol):
    """A key that signs. It never crosses a process: hand over a ``KeyRef`` instead."""

    @property
    def algorithm(self) -> bytes:
        """The AlgorithmIdentifier of its signatures, as DER."""

    @property
    def public_key(self) -> bytes:
        """Its SubjectPublicKeyInfo, as DER."""

    def sign(self, tbs: bytes) -> bytes:
        """The signature over these octets."""


class Hasher(Protocol):
    """A hash that is fed piece by piece."""

    def update(self, data: bytes) -> None:
        """Feed the next octets."""

    def finalize(self) -> bytes:
        """The digest of all octets fed."""


class DigestSigner(Signer, Protocol):
    """A Signer that also signs what it has not seen whole: for CRLs made as a stream."""

    def hasher(self) -> Hasher:
        """A fresh hash of the kind that ``algorithm`` names."""

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature over the octets that gave this digest."""


class KeyRef(msgspec.Struct, frozen=True):
    """Where a key is kept, without the means to open it.

    ``pkcs8`` is a PrivateKeyInfo or, when ``encrypted``, an EncryptedPrivateKeyInfo (RFC 5958).
    """

    pkcs8: bytes
    public: bytes
    encrypted: bool
    label: str


def signature_name(key: PublicKey) -> str:
    """The signature algorithm that a CA key of this kind signs with.

    Raises:
        PolicyError: sipca does not sign with such a key.
    """
    if key.algorithm == "rsa":
        return "sha256WithRSAEncryption"
    if key.algorithm == "ec" and key.curve in _BY_CURVE:
        return _BY_CURVE[key.curve]
    raise PolicyError(f"a CA key of the kind {key.label} is not supported")


@lru_cache(maxsize=8)
def algorithm_identifier(key: PublicKey) -> bytes:
    """The AlgorithmIdentifier that goes with ``signature_name`` (RFC 4055, RFC 5758)."""
    oid = encode_oid(SIGNATURE_OIDS[signature_name(key)])
    return sequence(oid, tlv(NULL, b"")) if key.algorithm == "rsa" else sequence(oid)
