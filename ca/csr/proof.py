"""Proof of possession: whether the request's own signature holds, and by which hash.

Judged over the octets as received, with padding and hash chosen from the OID: the library's
``is_signature_valid`` says False for a good SHA-1 request and True for RSASSA-PSS with SHA-1.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from ca.csr.request import CertificateRequest
from ca.encoding import der
from ca.errors import CAError
from ca.keys.public import loaded

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

_HASHES = {
    "md5": "MD5",
    "sha1": "SHA1",
    "sha224": "SHA224",
    "sha256": "SHA256",
    "sha384": "SHA384",
    "sha512": "SHA512",
}
_PSS_HASHES = {
    "1.3.14.3.2.26": "SHA1",
    "2.16.840.1.101.3.4.2.4": "SHA224",
    "2.16.840.1.101.3.4.2.1": "SHA256",
    "2.16.840.1.101.3.4.2.2": "SHA384",
    "2.16.840.1.101.3.4.2.3": "SHA512",
}
RETIRED = ("MD5", "SHA1")


class Possession(StrEnum):
    """What the signature proves."""

    GOOD = "good"
    RETIRED_HASH = "good, by a retired hash"
    BROKEN = "broken"
    UNKNOWN = "not judged"


class Proof(msgspec.Struct, frozen=True):
    """The outcome, and the hash of the signature ("SHA256"; empty where there is none)."""

    outcome: Possession
    hash: str


def prove_possession(request: CertificateRequest) -> Proof:
    """Verify a request's signature with its own key (RFC 2986, 4.2)."""
    name = request.signature_algorithm
    try:
        hash_name = _hash_name(request)
    except CAError:
        return Proof(Possession.UNKNOWN, "")
    if hash_name is None:
        return Proof(Possession.UNKNOWN, "")
    holds = _verify(request, name, hash_name)
    if holds is None:
        return Proof(Possession.UNKNOWN, hash_name)
    if not holds:
        return Proof(Possession.BROKEN, hash_name)
    outcome = Possession.RETIRED_HASH if hash_name in RETIRED else Possession.GOOD
    return Proof(outcome, hash_name)


def _hash_name(request: CertificateRequest) -> str | None:
    """The hash that the algorithm names; "" for Edwards curves; None if it is not known."""
    name = request.signature_algorithm
    if name in ("Ed25519", "Ed448"):
        return ""
    if name == "rsassaPss":
        return _pss_hash(request.signature_parameters)
    folded = name.casefold().removeprefix("ecdsa-with-")
    return _HASHES.get(folded.removesuffix("withrsaencryption"))


def _pss_hash(parameters: bytes) -> str | None:
    """The hash of RSASSA-PSS-params (RFC 4055, 3.1); SHA-1 is its default."""
    if not parameters:
        return None
    for node in der.read(parameters).children():
        if node.tag == 0xA0:
            inner = node.children()
            algorithm = inner[0].children() if inner else []
            return _PSS_HASHES.get(der.oid(algorithm[0])) if algorithm else None
    return "SHA1"


def _verify(request: CertificateRequest, name: str, hash_name: str) -> bool | None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        key = loaded(request.key.spki)
    except (ValueError, UnsupportedAlgorithm):
        return None
    arguments = _scheme(key.__class__, name, hash_name)
    if arguments is None:
        return False  # an algorithm of another family than the key's proves nothing
    try:
        key.verify(request.signature, request.info, *arguments)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError):
        return None
    return True


@lru_cache(maxsize=64)
def _scheme(kind: Hashable, name: str, hash_name: str) -> tuple[Any, ...] | None:
    """Padding and hash for a kind of key and an algorithm; None if they do not belong together."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

    assert isinstance(kind, type)
    algorithm: HashAlgorithm | None = getattr(hashes, hash_name)() if hash_name else None
    if issubclass(kind, rsa.RSAPublicKey) and algorithm and name == "rsassaPss":
        return (padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO), algorithm)
    if issubclass(kind, rsa.RSAPublicKey) and algorithm and name.endswith("RSAEncryption"):
        return (padding.PKCS1v15(), algorithm)
    if issubclass(kind, ec.EllipticCurvePublicKey) and algorithm and name.startswith("ecdsa"):
        return (ec.ECDSA(algorithm),)
    if issubclass(kind, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) and not algorithm:
        return ()
    return None
