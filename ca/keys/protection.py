"""Give a stored key another passphrase, write it into a file, and read that file back."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error

from ca.encoding import pem
from ca.errors import MalformedError
from ca.keys import at_rest
from ca.keys.signer import KeyRef
from ca.keys.soft import open_signer
from ca.keys.work import check_work

_LABEL = "ENCRYPTED PRIVATE KEY"


def protect(ref: KeyRef, passphrase: bytes | None, new: bytes) -> KeyRef:
    """The same key under another passphrase, with today's rounds.

    Raises:
        KeyUnavailableError: the passphrase is missing or wrong, or the key is another's.
    """
    from cryptography.hazmat.primitives import serialization

    open_signer(ref, passphrase)  # it is the key that belongs to the certificate
    key = at_rest.load(ref.pkcs8, passphrase if ref.encrypted else None, label=ref.label)
    pkcs8 = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return KeyRef(at_rest.encrypt(pkcs8, new), ref.public, True, ref.label)


def to_file(ref: KeyRef) -> bytes:
    """A stored key as an encrypted PEM file."""
    assert ref.encrypted
    return pem.encode(ref.pkcs8, _LABEL).encode()


def from_file(data: bytes, ref: KeyRef, *, what: str) -> KeyRef:
    """The key of an encrypted PKCS#8 file, PEM or DER, in the place of ``ref``; still locked.

    Raises:
        MalformedError: it is no such file.
        PolicyError: opening it asks for more work than sipca does.
    """
    begin, end = f"-----BEGIN {_LABEL}-----".encode(), f"-----END {_LABEL}-----".encode()
    if begin in data:
        body = data.partition(begin)[2].partition(end)
        try:
            data = b64decode(b"".join(body[0].split()), validate=True) if body[1] else b""
        except Error:
            data = b""
    if data[:1] != b"\x30" or b"-----" in data[:64]:
        raise MalformedError(
            f"{what} is not an encrypted private key (PKCS#8)",
            hint="give the file that sipca ca export-root-key wrote",
        )
    check_work(data, name=what)
    return KeyRef(data, ref.public, True, f"{ref.label} ({what})")
