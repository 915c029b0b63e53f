"""The interfaces through which the other rooms use private keys."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import msgspec

from ca.encoding.der import NULL, encode_oid, sequence, tlv
from ca.encoding.oids import SIGNATURE_OIDS
from ca.errors import PolicyError
from ca.keys.public import PublicKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes

_BY_CURVE = {"p256": "ecdsa-with-SHA256", "p384": "ecdsa-with-SHA384", "p521": "ecdsa-with-SHA512"}


class Signer(Protocol):
    """A key that signs. It never crosses a process boundary; a ``KeyRef`` does."""

    @property
    def algorithm(self) -> bytes:
        """The AlgorithmIdentifier of its signatures, in DER."""

    @property
    def public_key(self) -> bytes:
        """Its SubjectPublicKeyInfo, in DER."""

    def sign(self, tbs: bytes) -> bytes:
        """Sign these octets."""


class Hasher(Protocol):
    """A hash that is computed piece by piece."""

    def update(self, data: bytes) -> None:
        """Add the next octets."""

    def finalize(self) -> bytes:
        """The digest of all octets added."""


class DigestSigner(Signer, Protocol):
    """A Signer that can also sign a digest, for CRLs that are written as a stream."""

    def hasher(self) -> Hasher:
        """A new hash of the type that ``algorithm`` names."""

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign the octets that have this digest."""


class KeyRef(msgspec.Struct, frozen=True):
    """A stored key, without the passphrase to open it.

    ``pkcs8`` is empty for a key that is away, else a PrivateKeyInfo or, if ``encrypted``, an
    EncryptedPrivateKeyInfo (RFC 5958); of a key on a token it is the URI (RFC 7512), and
    ``encrypted`` says that opening it takes a PIN.
    """

    pkcs8: bytes
    public: bytes
    encrypted: bool
    label: str

    @property
    def is_away(self) -> bool:
        """Whether the key itself is not here: ``pkcs8`` is empty."""
        return not self.pkcs8


def signature_name(key: PublicKey) -> str:
    """The signature algorithm that sipca uses with a CA key of this type.

    Raises:
        PolicyError: sipca does not sign with such a key.
    """
    if key.algorithm == "rsa":
        return "sha256WithRSAEncryption"
    if key.algorithm == "ec" and key.curve in _BY_CURVE:
        return _BY_CURVE[key.curve]
    raise PolicyError(f"a CA key of the type {key.label} is not supported", rule="ca-key-kind")


@lru_cache(maxsize=8)
def algorithm_identifier(key: PublicKey) -> bytes:
    """The AlgorithmIdentifier of ``signature_name`` in DER (RFC 4055, RFC 5758)."""
    oid = encode_oid(SIGNATURE_OIDS[signature_name(key)])
    return sequence(oid, tlv(NULL, b"")) if key.algorithm == "rsa" else sequence(oid)


def hash_for(curve: str) -> hashes.HashAlgorithm:
    """The hash that ``signature_name`` uses with a curve; "" is for RSA."""
    from cryptography.hazmat.primitives import hashes

    return {"p384": hashes.SHA384(), "p521": hashes.SHA512()}.get(curve, hashes.SHA256())
