"""Sign a full CRL (RFC 5280, 5) as a stream, in memory that does not grow with its entries.

The encoded entries, in the order of their serial numbers, are read twice: once to hash them, and
once to output them. The signature is computed over the hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import msgspec

from ca.encoding import oids
from ca.encoding.der import (
    BIT_STRING,
    OCTET_STRING,
    SEQUENCE,
    encode_integer,
    encode_oid,
    header,
    sequence,
    tlv,
)
from ca.encoding.times import encode_time
from ca.errors import KeyUnavailableError
from ca.keys.public import PublicKey
from ca.keys.signer import DigestSigner
from ca.keys.soft import verify_digest

_AUTHORITY_KEY_IDENTIFIER, _CRL_NUMBER = (
    encode_oid(oids.AUTHORITY_KEY_IDENTIFIER),
    encode_oid(oids.CRL_NUMBER),
)


class CRLHead(msgspec.Struct, frozen=True):
    """All of a CRL except its entries. ``number`` is positive and below 2**159 (5.2.3)."""

    issuer_der: bytes
    key_identifier: bytes
    number: int
    this_update: datetime
    next_update: datetime


class Entries(msgspec.Struct, frozen=True):
    """Encoded entries: how many, their size in octets, and ``read``, which starts anew each time.

    ``read`` yields the entries' octets, concatenated, in pieces of any size.
    """

    count: int
    size: int
    read: Callable[[], Iterable[bytes]]


def sign_crl(
    head: CRLHead, entries: Entries, signer: DigestSigner, key: PublicKey
) -> Iterator[bytes]:
    """Sign a CRL and return its DER in pieces; it is signed before the first piece is returned.

    Raises:
        KeyUnavailableError: the signer is not the CA's, or its signature does not verify.
    """
    before, after = _before_and_after(head, entries, signer.algorithm)
    size = len(before) + entries.size + len(after)
    opening = header(SEQUENCE, size) + before
    hasher = signer.hasher()
    hasher.update(opening)
    for piece in entries.read():
        hasher.update(piece)
    hasher.update(after)
    digest = hasher.finalize()
    signature = signer.sign_digest(digest)
    if signer.public_key != key.spki or not verify_digest(key, signature, digest):
        raise KeyUnavailableError(
            "the CRL's signature does not verify",
            hint="check the key and the machine: one is faulty",
        )
    closing = after + signer.algorithm + tlv(BIT_STRING, b"\x00" + signature)
    total = len(opening) + entries.size + len(closing)

    def octets() -> Iterator[bytes]:
        yield header(SEQUENCE, total) + opening
        yield from entries.read()
        yield closing

    return octets()


def _before_and_after(head: CRLHead, entries: Entries, algorithm: bytes) -> tuple[bytes, bytes]:
    """The DER before and after the entries inside the TBSCertList (5.1.2)."""
    before = b"".join(
        (
            encode_integer(1),  # version 2
            algorithm,
            head.issuer_der,
            encode_time(head.this_update),
            encode_time(head.next_update),
            header(SEQUENCE, entries.size) if entries.count else b"",  # absent if none (5.1.2.6)
        )
    )
    key_identifier = sequence(tlv(0x80, head.key_identifier))
    extensions = sequence(
        sequence(_AUTHORITY_KEY_IDENTIFIER, tlv(OCTET_STRING, key_identifier)),
        sequence(_CRL_NUMBER, tlv(OCTET_STRING, encode_integer(head.number))),
    )
    return before, tlv(0xA0, extensions)
