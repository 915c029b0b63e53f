"""Find out why the private key of a PFX (PKCS#12, RFC 7292) cannot be read.

The library that opens a PFX raises the same error for a wrong passphrase, an unknown algorithm and
damage. This module distinguishes them by the outer structure, which is not encrypted, and by the
MAC, which verifies only with the right passphrase.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from ca.encoding import ber, der
from ca.encoding.oids import (
    DATA,
    ENCRYPTED_DATA,
    ENCRYPTION,
    HASHES,
    KEY_BAG,
    PBES2,
    SHROUDED_KEY_BAG,
)
from ca.errors import CAError, KeyUnavailableError, MalformedError
from ca.keys.work import check_work

MAX_MAC_ROUNDS = 1_000_000
"""OpenSSL uses 2,048 rounds, Java 10,000; a MAC with more than this is not computed again."""
_CONVERT = "openssl pkcs12 -in FILE -nocerts -out key.pem converts it, if openssl supports it"


class Outline(msgspec.Struct, frozen=True):
    """What can be read of a PFX without its passphrase.

    ``algorithms``: OIDs of the encryption of its parts; ``keys``: how many bags, encrypted or
    not, hold a key.
    """

    content: bytes
    mac: der.Node | None
    algorithms: tuple[str, ...]
    keys: int


def read_outline(data: bytes) -> Outline:
    """Decode the outer structure of a PFX.

    Raises:
        MalformedError: it is not a PFX, or is damaged.
    """
    try:
        _, safe, *rest = der.read(ber.to_definite_lengths(data)).children()
        content = _data_of(safe)
        algorithms: list[str] = []
        keys = 0
        for part in der.read(content).children():
            kind = der.oid(part.children()[0])
            if kind == DATA:
                for bag in der.read(_data_of(part)).children():
                    bag_type, value = bag.children()[:2]
                    oid = der.oid(bag_type)
                    keys += oid in (KEY_BAG, SHROUDED_KEY_BAG)
                    if oid == SHROUDED_KEY_BAG:
                        algorithms += encryption_of(value.children()[0].children()[0])
            elif kind == ENCRYPTED_DATA:
                info = part.children()[1].children()[0].children()[1]
                algorithms += encryption_of(info.children()[1])
    except (MalformedError, IndexError, ValueError):
        raise MalformedError("it is not a PFX, or it is damaged") from None
    return Outline(content, rest[0] if rest else None, tuple(algorithms), keys)


def _data_of(info: der.Node) -> bytes:
    """The octets of a ContentInfo of type data."""
    return der.read(info.children()[1].contents).contents


def encryption_of(algorithm: der.Node) -> list[str]:
    """The OID of an encryption algorithm; for PBES2 those of its KDF and its cipher.

    Raises:
        MalformedError: it is not an AlgorithmIdentifier.
    """
    oid = der.oid(algorithm.children()[0])
    if oid != PBES2:
        return [oid]
    halves = algorithm.children()[1].children()
    return [der.oid(half.children()[0]) for half in halves]


def certificates_in(data: bytes, passphrase: bytes | None, *, name: str) -> list[bytes]:
    """The certificates of a PFX, that of its key first.

    Raises:
        CAError: it cannot be opened, or holds none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

    try:
        check_work(data, name=name)
        _, first, others = pkcs12.load_key_and_certificates(data, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise opening_error(data, passphrase, name=name) from None
    certificates = [first, *others] if first is not None else others
    if not certificates:
        raise MalformedError(f"'{name}' holds no certificate", hint="export it with its chain")
    return [each.public_bytes(Encoding.DER) for each in certificates]


def opening_error(data: bytes, passphrase: bytes | None, *, name: str) -> CAError:
    """The error for a PFX that the library could not open."""
    try:
        outline = read_outline(data)
    except MalformedError:
        return MalformedError(
            f"'{name}' is a PFX that is cut off or damaged", hint="export it again"
        )
    unknown = [oid for oid in outline.algorithms if oid not in ENCRYPTION]
    if unknown:
        return _unsupported(name, unknown[0])
    verified = None
    if outline.mac is not None:
        try:
            verified = mac_verifies(outline, passphrase)
        except MalformedError as error:
            return MalformedError(f"'{name}' {error.message}", hint=_CONVERT)
    if verified:
        algorithms = ", ".join(dict.fromkeys(ENCRYPTION[oid] for oid in outline.algorithms))
        if not algorithms:
            return MalformedError(f"the passphrase opens '{name}', but its contents are damaged")
        return _unsupported(name, algorithms)
    hint = "--key-passphrase-file FILE"
    if passphrase is not None:
        hint = f"wrong passphrase? {hint}"
    if not outline.keys:
        hint += "; but it seems to hold no private key, like a trust store"
    return KeyUnavailableError(passphrase_problem(passphrase, name), hint=hint)


def passphrase_problem(passphrase: bytes | None, name: str) -> str:
    """The message for a key file whose passphrase is missing or wrong."""
    if passphrase is None:
        return f"the key in '{name}' needs its passphrase"
    return f"the passphrase does not open the key in '{name}'"


def no_key(name: str) -> MalformedError:
    """The error for a PFX that was opened and has no private key, like a trust store."""
    return MalformedError(
        f"'{name}' is a PFX with no private key in it, only certificates",
        hint="export the key with its certificate: keytool -list must list a PrivateKeyEntry",
    )


def _unsupported(name: str, algorithm: str) -> MalformedError:
    return MalformedError(
        f"'{name}' is encrypted with an unsupported algorithm: {algorithm}",
        hint=_CONVERT,
    )


def mac_verifies(outline: Outline, passphrase: bytes | None) -> bool | None:
    """Whether the MAC verifies with this passphrase; None if it has too many rounds to compute.

    Without a passphrase the empty one is tried.

    Raises:
        MalformedError: the MAC is damaged, or its algorithm is unknown.
    """
    assert outline.mac is not None
    try:
        digest, salt, *rest = outline.mac.children()
        algorithm, value = digest.children()
        oid = der.oid(algorithm.children()[0])
        rounds = der.integer(rest[0]) if rest else 1
    except (MalformedError, IndexError, ValueError):
        raise MalformedError("is a PFX that is cut off or damaged") from None
    if oid not in HASHES:
        raise MalformedError(f"has a MAC with an unsupported algorithm: {oid}")
    name = HASHES[oid].lower()
    if not 1 <= rounds <= MAX_MAC_ROUNDS:
        return None
    for password in _encodings(passphrase):
        key = mac_key(password, salt.contents, rounds, name)
        if hmac.compare_digest(hmac.digest(key, outline.content, name), value.contents):
            return True
    return False


def _encodings(passphrase: bytes | None) -> tuple[bytes, ...]:
    """A passphrase as PKCS#12 encodes it, a terminated BMPString; two ways for the empty one."""
    text = (passphrase or b"").decode("utf-8", "replace")
    encoded = (text + "\x00").encode("utf-16-be", "replace")
    return (encoded,) if text else (encoded, b"")


def mac_key(password: bytes, salt: bytes, rounds: int, name: str) -> bytes:
    """Derive the key of a MAC from a passphrase (RFC 7292, B.2, with ID 3); one hash long."""
    block = hashlib.new(name, usedforsecurity=False).block_size
    key = b"\x03" * block + _fill(salt, block) + _fill(password, block)
    for _ in range(rounds):
        key = hashlib.new(name, key, usedforsecurity=False).digest()
    return key


def _fill(part: bytes, block: int) -> bytes:
    """Repeat octets until they fill whole blocks; none stay none."""
    size = block * -(-len(part) // block)
    return (part * (size // max(len(part), 1) + 1))[:size]
