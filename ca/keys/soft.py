"""Keys in software: making them, opening them, signing with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import msgspec

from ca.errors import KeyUnavailableError, MalformedError
from ca.keys import at_rest
from ca.keys.public import PublicKey, loaded, read_public_key
from ca.keys.signer import DigestSigner, Hasher, KeyRef, algorithm_identifier
from ca.keys.specs import SPECS

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    SoftKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

"""The kinds of key that sipca makes, as they are spelled everywhere."""


class SoftSigner:
    """A Signer whose key is in this process's memory."""

    def __init__(self, key: SoftKey, public: PublicKey) -> None:
        self._key: Any = key
        self.public_key = public.spki
        self.algorithm = algorithm_identifier(public)
        self._hash = _hash_for(public.curve or "")
        self._arguments = self._with(self._hash)

    def sign(self, tbs: bytes) -> bytes:
        """The signature over these octets, with the hash that ``algorithm`` names."""
        return cast(bytes, self._key.sign(tbs, *self._arguments))

    def hasher(self) -> Hasher:
        """A fresh hash of the kind that ``algorithm`` names."""
        from cryptography.hazmat.primitives import hashes

        return hashes.Hash(self._hash)

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature over the octets that gave this digest."""
        from cryptography.hazmat.primitives.asymmetric import utils

        return cast(bytes, self._key.sign(digest, *self._with(utils.Prehashed(self._hash))))

    def _with(self, algorithm: hashes.HashAlgorithm | Prehashed) -> tuple[Any, ...]:
        """Padding, where the key's kind has one, and hash as the library's ``sign`` takes them."""
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

        if isinstance(self._key, rsa.RSAPrivateKey):
            return (padding.PKCS1v15(), algorithm)
        return (ec.ECDSA(algorithm),)


class NewKey(msgspec.Struct, frozen=True):
    """A key just made: how it is kept, what it signs with, what it is."""

    ref: KeyRef
    signer: DigestSigner
    public: PublicKey


def make(spec: str, passphrase: bytes | None, *, label: str) -> NewKey:
    """Make a key of a kind in ``SPECS``, encrypted at rest if a passphrase is given.

    Raises:
        MalformedError: there is no such kind.
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
    kept = pkcs8 if passphrase is None else at_rest.encrypt(pkcs8, passphrase)
    ref = KeyRef(kept, public.spki, passphrase is not None, label)
    return NewKey(ref, SoftSigner(key, public), public)


def open_signer(ref: KeyRef, passphrase: bytes | None) -> SoftSigner:
    """Open a kept key.

    Raises:
        KeyUnavailableError: it is locked and there is no passphrase, the passphrase does not
            open it, or what is inside is not the key that the register names.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if ref.encrypted and passphrase is None:
        raise KeyUnavailableError(f"the {ref.label} key is locked", hint="give its passphrase")
    key = at_rest.load(ref.pkcs8, passphrase if ref.encrypted else None, label=ref.label)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyUnavailableError(f"the {ref.label} key is of a kind that sipca does not sign with")
    public = _public(key)
    if public.spki != ref.public:
        raise KeyUnavailableError(f"the {ref.label} key does not belong to its certificate")
    return SoftSigner(key, public)


def verify(public: PublicKey, signature: bytes, signed: bytes) -> bool:
    """Whether a signature of the kind that sipca makes holds over these octets."""
    return _holds(_scheme(public.spki, public.curve, prehashed=False), signature, signed)


def verify_digest(public: PublicKey, signature: bytes, digest: bytes) -> bool:
    """Whether a signature holds over the octets that gave this digest."""
    return _holds(_scheme(public.spki, public.curve, prehashed=True), signature, digest)


def _holds(scheme: _Scheme, signature: bytes, data: bytes) -> bool:
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
    """How a key's signatures are verified, and with which padding and hash."""
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

    chosen = _hash_for(curve or "")
    algorithm = utils.Prehashed(chosen) if prehashed else chosen
    key = loaded(spki)
    if isinstance(key, rsa.RSAPublicKey):
        return key.verify, (padding.PKCS1v15(), algorithm)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.verify, (ec.ECDSA(algorithm),)
    return None, ()


def _hash_for(curve: str) -> hashes.HashAlgorithm:
    """The hash that ``ca.keys.signer.signature_name`` pairs with a curve; RSA has none."""
    from cryptography.hazmat.primitives import hashes

    return {"p384": hashes.SHA384(), "p521": hashes.SHA512()}.get(curve, hashes.SHA256())


def _public(key: SoftKey) -> PublicKey:
    from cryptography.hazmat.primitives import serialization

    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return read_public_key(spki)
