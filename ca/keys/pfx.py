"""Why a PFX (PKCS#12, RFC 7292) gives no private key: one answer for each reason.

The library that opens it has one sentence for a wrong passphrase, an unknown algorithm and damage
alike. What it cannot tell is told here from the outer structure, which is not encrypted, and from
the MAC, which holds only for the right passphrase.
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

MAX_MAC_ROUNDS = 1_000_000
"""Openssl writes 2,048, Java 10,000; a MAC with more is not computed a second time."""
_CONVERT = "openssl pkcs12 -in FILE -nocerts -out key.pem writes it as PEM, if openssl reads it"


class Outline(msgspec.Struct, frozen=True):
    """What a PFX shows without its passphrase.

    ``algorithms``: OIDs that its parts are encrypted by; ``keys``: how many bags with a key are
    seen, encrypted or not.
    """

    content: bytes
    mac: der.Node | None
    algorithms: tuple[str, ...]
    keys: int


def outline(data: bytes) -> Outline:
    """Take the outer structure of a PFX apart.

    Raises:
        MalformedError: it is none, or is damaged.
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
        raise MalformedError("it is no PFX, or a damaged one") from None
    return Outline(content, rest[0] if rest else None, tuple(algorithms), keys)


def _data_of(info: der.Node) -> bytes:
    """The octets of a ContentInfo of type data."""
    return der.read(info.children()[1].contents).contents


def encryption_of(algorithm: der.Node) -> list[str]:
    """The OIDs of an encryption algorithm; of PBES2 those of both its halves.

    Raises:
        MalformedError: it is none.
    """
    oid = der.oid(algorithm.children()[0])
    if oid != PBES2:
        return [oid]
    halves = algorithm.children()[1].children()
    return [der.oid(half.children()[0]) for half in halves]


def trouble(data: bytes, passphrase: bytes | None, *, name: str) -> CAError:
    """Why the library that opens a PFX did not open this one."""
    try:
        seen = outline(data)
    except MalformedError:
        return MalformedError(
            f"'{name}' is a PFX that is cut off or damaged", hint="export it again"
        )
    unknown = [oid for oid in seen.algorithms if oid not in ENCRYPTION]
    if unknown:
        return _not_read(name, unknown[0])
    holds = None
    if seen.mac is not None:
        try:
            holds = mac_holds(seen, passphrase)
        except MalformedError as error:
            return MalformedError(f"'{name}' {error.message}", hint=_CONVERT)
    if holds:
        used = ", ".join(dict.fromkeys(ENCRYPTION[oid] for oid in seen.algorithms))
        if not used:
            return MalformedError(f"the passphrase opens '{name}', whose contents are damaged")
        return _not_read(name, used)
    missing = "needs its passphrase" if passphrase is None else "is not opened by it"
    hint = "--key-passphrase-file FILE"
    if passphrase is not None:
        hint = f"wrong passphrase? {hint}"
    if not seen.keys:
        hint += "; but no private key is seen in it from outside: it looks like a trust store"
    return KeyUnavailableError(f"the key in '{name}' {missing}", hint=hint)


def no_key(name: str) -> MalformedError:
    """The error for a PFX that was opened and holds no private key, as a trust store does not."""
    return MalformedError(
        f"'{name}' is a PFX with no private key in it, only certificates",
        hint="export the key with its certificate; keytool -list says PrivateKeyEntry then",
    )


def _not_read(name: str, algorithm: str) -> MalformedError:
    return MalformedError(
        f"'{name}' is encrypted by an unknown algorithm ({algorithm}), which is not read here",
        hint=_CONVERT,
    )


def mac_holds(seen: Outline, passphrase: bytes | None) -> bool | None:
    """Whether the MAC is by this passphrase (none: the empty one); None if it is not computed.

    Raises:
        MalformedError: it is damaged, or of an unknown kind.
    """
    assert seen.mac is not None
    try:
        digest, salt, *rest = seen.mac.children()
        algorithm, value = digest.children()
        oid = der.oid(algorithm.children()[0])
        rounds = der.integer(rest[0]) if rest else 1
    except (MalformedError, IndexError, ValueError):
        raise MalformedError("is a PFX that is cut off or damaged") from None
    if oid not in HASHES:
        raise MalformedError(f"has a MAC by an unknown algorithm ({oid}), which is not read here")
    name = HASHES[oid].lower()
    if not 1 <= rounds <= MAX_MAC_ROUNDS:
        return None
    for spelled in _spellings(passphrase):
        key = mac_key(spelled, salt.contents, rounds, name)
        if hmac.compare_digest(hmac.digest(key, seen.content, name), value.contents):
            return True
    return False


def _spellings(passphrase: bytes | None) -> tuple[bytes, ...]:
    """A passphrase as PKCS#12 wants it, a BMPString with its end; the empty one in both ways."""
    text = (passphrase or b"").decode("utf-8", "replace")
    spelled = (text + "\x00").encode("utf-16-be", "replace")
    return (spelled,) if text else (spelled, b"")


def mac_key(password: bytes, salt: bytes, rounds: int, name: str) -> bytes:
    """The key of a MAC from a passphrase (RFC 7292, B.2, with ID 3), one hash long."""
    block = hashlib.new(name, usedforsecurity=False).block_size
    key = b"\x03" * block + _filled(salt, block) + _filled(password, block)
    for _ in range(rounds):
        key = hashlib.new(name, key, usedforsecurity=False).digest()
    return key


def _filled(part: bytes, block: int) -> bytes:
    """A part repeated until it fills whole blocks; nothing stays nothing."""
    size = block * -(-len(part) // block)
    return (part * (size // max(len(part), 1) + 1))[:size]
