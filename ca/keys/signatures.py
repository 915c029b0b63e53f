"""Verify signatures, with the padding and hash of the named signature algorithm.

They are verified over the octets as received. cryptography's own ``is_signature_valid`` is False
for a good request with SHA-1, but True for RSASSA-PSS with SHA-1, and cannot load odd certificates.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from ca.encoding import der
from ca.encoding.oids import HASHES
from ca.errors import CAError
from ca.keys.public import load_public_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

_HASHES = {name.lower(): name for name in HASHES.values()}


class Algorithm(msgspec.Struct, frozen=True):
    """A signature algorithm: its name in ``ca.encoding.oids``, and its parameters in DER."""

    name: str
    parameters: bytes = b""


@lru_cache(maxsize=64)
def hash_name(algorithm: Algorithm) -> str | None:
    """The hash of a signature algorithm; "" for Edwards curves; None if it is not known."""
    name = algorithm.name
    if name in ("Ed25519", "Ed448"):
        return ""
    if name == "rsassaPss":
        try:
            return _pss_hash(algorithm.parameters)
        except CAError:
            return None
    folded = name.casefold().removeprefix("ecdsa-with-").removeprefix("dsa-with-")
    return _HASHES.get(folded.removesuffix("withrsaencryption"))


def _pss_hash(parameters: bytes) -> str | None:
    """The hash of RSASSA-PSS-params (RFC 4055, 3.1); SHA-1 is its default."""
    if not parameters:
        return None
    for node in der.read(parameters).children():
        if node.tag == 0xA0:
            inner = node.children()
            algorithm = inner[0].children() if inner else []
            return HASHES.get(der.oid(algorithm[0])) if algorithm else None
    return "SHA1"


def verify_signature(
    spki: bytes, algorithm: Algorithm, signature: bytes, message: bytes
) -> bool | None:
    """Whether a signature over these octets verifies; None if that cannot be determined."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    hashed_by = hash_name(algorithm)
    if hashed_by is None:
        return None
    try:
        key = load_public_key(spki)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    arguments = _scheme(key.__class__, algorithm.name, hashed_by)
    if arguments is None:
        return False  # the algorithm does not fit the type of the key
    try:
        key.verify(signature, message, *arguments)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError):
        return None
    return True


@lru_cache(maxsize=64)
def _scheme(kind: Hashable, name: str, hashed_by: str) -> tuple[Any, ...] | None:
    """Padding and hash for a type of key and an algorithm; None if they do not fit together."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa

    assert isinstance(kind, type)
    algorithm: HashAlgorithm | None = getattr(hashes, hashed_by)() if hashed_by else None
    if issubclass(kind, rsa.RSAPublicKey) and algorithm and name == "rsassaPss":
        return (padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO), algorithm)
    if issubclass(kind, rsa.RSAPublicKey) and algorithm and name.endswith("RSAEncryption"):
        return (padding.PKCS1v15(), algorithm)
    if issubclass(kind, ec.EllipticCurvePublicKey) and algorithm and name.startswith("ecdsa"):
        return (ec.ECDSA(algorithm),)
    if issubclass(kind, dsa.DSAPublicKey) and algorithm and name.startswith("dsa"):
        return (algorithm,)
    if issubclass(kind, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) and not algorithm:
        return ()
    return None
