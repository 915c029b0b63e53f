"""Fingerprints of certificates as systems show them, for people who compare two."""

from __future__ import annotations

from hashlib import sha1


def sha1_thumbprint(der: bytes) -> str:
    """The SHA-1 in hex digits: what Windows and macOS call a certificate by; it proves nothing."""
    return sha1(der, usedforsecurity=False).hexdigest()


def in_pairs(digits: str) -> str:
    """Hex digits in capitals and pairs, with colons between them."""
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2)).upper()
