"""Decode public keys from their SubjectPublicKeyInfo, and compute what identifies a key.

The raw DER is decoded here, because loading an explicit-parameter P-256 key or an id-RSASSA-PSS
key in a library silently turns it into a different one.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec

from ca.encoding import der
from ca.encoding.oids import CURVES, EC, KEY_ALGORITHMS, RSA
from ca.errors import MalformedError


class PublicKey(msgspec.Struct, frozen=True):
    """A decoded public key.

    ``algorithm`` is a word of ``KEY_ALGORITHMS`` or the dotted OID. ``curve`` is "p256", "p384",
    "p521", "explicit", or the dotted OID of another named curve. ``size`` is in bits, or 0 if it
    is not known. ``bits`` is the subjectPublicKey, of which a key identifier is the hash.
    ``identity`` is the SHA-256 of the *normalised* key (RSA modulus; EC curve and uncompressed
    point), so that two encodings of the same key have the same identity.
    """

    spki: bytes
    algorithm: str
    size: int
    identity: bytes
    curve: str | None = None
    modulus: int | None = None
    exponent: int | None = None
    point: bytes | None = None
    parameters: bytes = b""
    bits: bytes = b""

    def __hash__(self) -> int:
        """Cheap, because functions cached by the CA's key are called for every certificate."""
        return hash(self.spki)

    @property
    def label(self) -> str:
        """The key for people: "RSA 2048", "EC p256", "ed25519"."""
        if self.algorithm == "rsa":
            return f"RSA {self.size}"
        return f"EC {self.curve}" if self.algorithm == "ec" else self.algorithm


def read_public_key(spki: bytes) -> PublicKey:
    """Decode a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7; RFC 3279; RFC 5480).

    Raises:
        MalformedError: it is not one. A weak key is not refused here.
    """
    parts = der.read(spki, what="the public key").children()
    if len(parts) != 2 or parts[0].tag != der.SEQUENCE:
        raise MalformedError("the public key is not a SubjectPublicKeyInfo")
    identifier, parameters = _algorithm(parts[0])
    bits = der.bit_string(parts[1])
    if identifier == RSA:
        return _rsa(spki, bits, parameters)
    if identifier == EC:
        return _ec(spki, bits, parameters)
    name = KEY_ALGORITHMS.get(identifier, identifier)
    return PublicKey(spki, name, 0, sha256(spki).digest(), parameters=parameters, bits=bits)


@der.read_once
def _algorithm(node: der.Node) -> tuple[str, bytes]:
    """OID and parameters of an AlgorithmIdentifier; cached, because nearly all keys share a few."""
    if der.too_deep(node):
        raise MalformedError(f"the public key's algorithm nests more than {der.MAX_DEPTH} deep")
    parts = node.children()
    if not parts:
        raise MalformedError("the public key names no algorithm")
    return der.oid(parts[0]), parts[1].raw if len(parts) > 1 else b""


def _rsa(spki: bytes, bits: bytes, parameters: bytes) -> PublicKey:
    numbers = der.read(bits, what="the RSA public key").children()
    if len(numbers) != 2:
        raise MalformedError("the RSA public key is not a modulus and an exponent")
    modulus, exponent = der.integer(numbers[0]), der.integer(numbers[1])
    identity = sha256(b"rsa" + modulus.to_bytes(modulus.bit_length() // 8 + 1, "big", signed=True))
    return PublicKey(
        spki,
        "rsa",
        modulus.bit_length() if modulus > 0 else 0,
        identity.digest(),
        modulus=modulus,
        exponent=exponent,
        parameters=parameters,
        bits=bits,
    )


def _ec(spki: bytes, bits: bytes, parameters: bytes) -> PublicKey:
    curve, size = "explicit", 0
    if parameters and parameters[0] == der.OID:
        dotted = der.oid(der.read(parameters))
        curve, size = CURVES.get(dotted, (dotted, 0))
    point = bits
    if size and bits[:1] in (b"\x02", b"\x03"):
        point = _uncompressed(spki) or bits
    identity = sha256(b"ec" + curve.encode() + b":" + point).digest()
    return PublicKey(
        spki, "ec", size, identity, curve=curve, point=bits, parameters=parameters, bits=bits
    )


@lru_cache(maxsize=512)
def load_public_key(spki: bytes) -> Any:
    """Load a public key with cryptography; cached, because several callers need the same key.

    Raises:
        ValueError: cryptography cannot read it.
        UnsupportedAlgorithm: cryptography does not support its type.
    """
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    return load_der_public_key(spki)


def is_canonical(spki: bytes) -> bool:
    """Whether cryptography encodes this key with exactly the same octets."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = load_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        return False
    encoded = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return bool(encoded == spki)


def _uncompressed(spki: bytes) -> bytes | None:
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_der_public_key(spki)
    except ValueError:
        return None
    return key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
