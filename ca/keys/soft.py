"""Keys in software: generate them, open them, sign with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import msgspec

from ca.errors import KeyUnavailableError, MalformedError
from ca.keys import at_rest
from ca.keys.public import PublicKey, load_public_key, read_public_key
from ca.keys.signer import DigestSigner, Hasher, KeyRef, algorithm_identifier
from ca.keys.specs import SPECS

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    SoftKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class SoftSigner:
    """A Signer whose key is in this process's memory."""

    def __init__(self, key: SoftKey, public: PublicKey) -> None:
        self._key: Any = key
        self.public_key = public.spki
        self.algorithm = algorithm_identifier(public)
        self._hash = _hash_for(public.curve or "")
        self._arguments = self._arguments_for(self._hash)

    def sign(self, tbs: bytes) -> bytes:
        """Sign these octets, with the hash that ``algorithm`` names."""
        return cast(bytes, self._key.sign(tbs, *self._arguments))

    def hasher(self) -> Hasher:
        """A new hash of the type that ``algorithm`` names."""
        from cryptography.hazmat.primitives import hashes

        return hashes.Hash(self._hash)

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign the octets that have this digest."""
        from cryptography.hazmat.primitives.asymmetric import utils

        return cast(
            bytes, self._key.sign(digest, *self._arguments_for(utils.Prehashed(self._hash)))
        )

    def _arguments_for(self, algorithm: hashes.HashAlgorithm | Prehashed) -> tuple[Any, ...]:
        """The arguments of cryptography's ``sign`` after the data: the hash, for RSA a padding."""
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

        if isinstance(self._key, rsa.RSAPrivateKey):
            return (padding.PKCS1v15(), algorithm)
        return (ec.ECDSA(algorithm),)


class NewKey(msgspec.Struct, frozen=True):
    """A key that was just generated: its stored form, its signer, and its public key."""

    ref: KeyRef
    signer: DigestSigner
    public: PublicKey


def generate_key(spec: str, passphrase: bytes | None, *, label: str) -> NewKey:
    """Generate a key of a type in ``SPECS``; it is stored encrypted if a passphrase is given.

    Raises:
        MalformedError: there is no such type.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if spec not in SPECS:
        raise MalformedError(
            f"'{spec}' is not a supported key type", hint=f"choose one of {', '.join(SPECS)}"
        )
    family, _, size = spec.partition(":")
    key: SoftKey
    if family == "rsa":
        key = rsa.generate_private_key(public_exponent=65537, key_size=int(size))
    else:
        curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
        key = ec.generate_private_key(curves[size])
    pkcs8 = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = _public(key)
    stored = pkcs8 if passphrase is None else at_rest.encrypt(pkcs8, passphrase)
    ref = KeyRef(stored, public.spki, passphrase is not None, label)
    return NewKey(ref, SoftSigner(key, public), public)


def open_signer(ref: KeyRef, passphrase: bytes | None) -> SoftSigner:
    """Open a stored key.

    Raises:
        KeyUnavailableError: the passphrase is missing or wrong, or the key inside is not the one
            that belongs to ``ref.public``.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if not ref.pkcs8:
        raise KeyUnavailableError(
            f"the {ref.label} key is not in this home: it has the certificate alone",
            hint="what it has to sign is signed where its key is",
        )
    if ref.encrypted and passphrase is None:
        raise KeyUnavailableError(f"the {ref.label} key is locked", hint="give its passphrase")
    key = at_rest.load(ref.pkcs8, passphrase if ref.encrypted else None, label=ref.label)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyUnavailableError(f"the {ref.label} key is of a type that sipca does not sign with")
    public = _public(key)
    if public.spki != ref.public:
        raise KeyUnavailableError(f"the {ref.label} key does not belong to its certificate")
    return SoftSigner(key, public)


def verify(public: PublicKey, signature: bytes, signed: bytes) -> bool:
    """Whether a signature over these octets verifies, with the algorithm that sipca signs with."""
    return _verify(_scheme(public.spki, public.curve, prehashed=False), signature, signed)


def verify_digest(public: PublicKey, signature: bytes, digest: bytes) -> bool:
    """Like ``verify``, for the octets that have this digest."""
    return _verify(_scheme(public.spki, public.curve, prehashed=True), signature, digest)


def _verify(scheme: _Scheme, signature: bytes, data: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    check, arguments = scheme
    if check is None:
        return False
    try:
        check(signature, data, *arguments)
    except InvalidSignature:
        return False
    return True


_Scheme = tuple[Callable[..., None] | None, tuple[Any, ...]]


@lru_cache(maxsize=16)
def _scheme(spki: bytes, curve: str | None, *, prehashed: bool) -> _Scheme:
    """The function that verifies signatures of a key, and its padding and hash."""
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

    chosen = _hash_for(curve or "")
    algorithm = utils.Prehashed(chosen) if prehashed else chosen
    key = load_public_key(spki)
    if isinstance(key, rsa.RSAPublicKey):
        return key.verify, (padding.PKCS1v15(), algorithm)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.verify, (ec.ECDSA(algorithm),)
    return None, ()


def _hash_for(curve: str) -> hashes.HashAlgorithm:
    """The hash that ``ca.keys.signer.signature_name`` uses with a curve; "" is for RSA."""
    from cryptography.hazmat.primitives import hashes

    return {"p384": hashes.SHA384(), "p521": hashes.SHA512()}.get(curve, hashes.SHA256())


def _public(key: SoftKey) -> PublicKey:
    from cryptography.hazmat.primitives import serialization

    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return read_public_key(spki)
