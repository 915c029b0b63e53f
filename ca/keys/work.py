"""Refuse a key file that would take too much work to open, before anything is derived.

A key is derived from a passphrase by repeating a hash, and the file says how often: a few hundred
octets can demand 2^31 rounds of PBKDF2 (a quarter of an hour) or 2^30 blocks of scrypt (a
terabyte). BER is read as well as DER, because PFX files come in both.

The contents of an encrypted part of a PFX cannot be checked before that part is opened.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

from ca.encoding import oids
from ca.encoding.der import oid_contents
from ca.errors import PolicyError

MAX_ROUNDS = 10_000_000
"""For all parts of a file together: about five seconds, 16 times OWASP's advice of 2023."""
MAX_SCRYPT_MEMORY = 256 << 20
MAX_SCRYPT_WORK = 1 << 22
"""N * r * p; OpenSSL's own default is 2^17."""
MAX_BCRYPT_ROUNDS = 500
"""A round takes about 10 ms; ``ssh-keygen`` uses 16 to 24 by default."""
MAX_NUMBER_BITS = 8192
"""For a modulus or a prime: sipca accepts no larger key, and checking one takes minutes."""
MAX_NODES, MAX_DEPTH = 20_000, 40

_PBKDF2 = oid_contents(oids.PBKDF2)
_SCRYPT = oid_contents(oids.SCRYPT)
_PKCS5 = oid_contents(oids.PKCS5)
_PKCS12 = oid_contents(oids.PKCS12_ENCRYPTION)
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY)-----")
_OPENSSH = b"openssh-key-v1\0"


class _Node(NamedTuple):
    """One TLV: its tag octet, its contents, and the TLVs inside if it is constructed."""

    tag: int
    contents: bytes
    inside: tuple[_Node, ...]


def check_work(data: bytes, *, name: str) -> None:
    """Check that a key file (PEM, DER, PFX) does not take too much work to open.

    A file that does not decode here passes, because the reader of keys will refuse it.

    Raises:
        PolicyError: it takes too much; the message names the parameter and the bound.
    """
    rounds = longest = 0
    for der in _ders(data):
        if der.startswith(_OPENSSH):
            _check_openssh(der, name)
            continue
        for node in _walk(der):
            rounds += _rounds(node, name)
            if node.tag == 0x02:
                longest = max(longest, len(node.contents.lstrip(b"\0")) * 8)
    if rounds > MAX_ROUNDS:
        raise _too_much(name, "its passphrase's rounds (PBKDF2)", rounds, str(MAX_ROUNDS))
    if longest > MAX_NUMBER_BITS:
        raise _too_much(name, "a number of its key", longest, f"{MAX_NUMBER_BITS} bits")


def _ders(data: bytes) -> Iterator[bytes]:
    begins = list(_BLOCK.finditer(data))
    if not begins:
        yield data
    for begin in begins:
        body = data[begin.end() : data.find(b"-----END", begin.end())]
        if b"Proc-Type: 4,ENCRYPTED" in body:
            continue  # ciphertext, by one round of MD5: what looks like a number there is none
        lines = [line for line in body.splitlines() if b":" not in line]
        try:
            yield binascii.a2b_base64(b"".join(lines))
        except binascii.Error:
            continue


def _rounds(node: _Node, name: str) -> int:
    """The rounds that a node demands if it is an AlgorithmIdentifier, or a MacData of a PFX."""
    inside = node.inside
    if node.tag != 0x30 or not inside:
        return 0
    if inside[0].tag == 0x06 and len(inside) > 1 and inside[1].inside:
        oid, parameters = inside[0].contents, inside[1].inside
        numbers = [_number(each) for each in parameters if each.tag == 0x02]
        if oid == _SCRYPT and len(numbers) >= 3:
            _check_scrypt(numbers, name)
        elif (oid == _PBKDF2 or oid.startswith((_PKCS5, _PKCS12))) and numbers:
            return numbers[0]
    if [each.tag for each in inside] == [0x30, 0x04, 0x02] and inside[0].inside:
        return _number(inside[2])  # MacData: DigestInfo, salt, rounds
    return 0


def _check_scrypt(numbers: list[int], name: str) -> None:
    cost, block, parallel = numbers[:3]
    if 128 * cost * block > MAX_SCRYPT_MEMORY:
        raise _too_much(name, "scrypt's memory (128 * N * r)", 128 * cost * block,
                        f"{MAX_SCRYPT_MEMORY} octets")  # fmt: skip
    if cost * block * parallel > MAX_SCRYPT_WORK:
        raise _too_much(name, "scrypt's work (N * r * p)", cost * block * parallel,
                        str(MAX_SCRYPT_WORK))  # fmt: skip


def _check_openssh(data: bytes, name: str) -> None:
    """Check OpenSSH's own format: cipher, KDF, and its options (salt, rounds), length-prefixed."""
    fields, position = [], len(_OPENSSH)
    for _ in range(3):
        length = int.from_bytes(data[position : position + 4], "big")
        fields.append(data[position + 4 : position + 4 + length])
        position += 4 + length
    rounds = int.from_bytes(fields[2][-4:], "big")
    if fields[1] == b"bcrypt" and rounds > MAX_BCRYPT_ROUNDS:
        raise _too_much(name, "its passphrase's rounds (bcrypt)", rounds, str(MAX_BCRYPT_ROUNDS))


def _too_much(name: str, factor: str, work: int, bound: str) -> PolicyError:
    shown = str(work) if work < 1 << 64 else f"2^{work.bit_length() - 1} or more"
    return PolicyError(
        f"'{name}': {factor} would be {shown}, more than {bound}",
        hint="rewrite it where it comes from, for example by openssl pkcs8 -topk8 -iter 600000",
        rule="key-work",
    )


def _number(node: _Node) -> int:
    return int.from_bytes(node.contents[:64], "big") << max(0, len(node.contents) - 64) * 8


def _walk(der: bytes) -> Iterator[_Node]:
    """Every TLV of a structure, also those inside octet strings; none if it does not decode."""
    budget = [MAX_NODES]
    pending: list[_Node] = []
    _append_node(pending, der, budget)
    while pending:
        node = pending.pop()
        yield node
        pending += node.inside
        if node.tag in (0x04, 0x80) and node.contents[:1] == b"\x30":
            _append_node(pending, node.contents, budget)
        if len(node.inside) > 1 and all(each.tag == 0x04 for each in node.inside):  # BER: in pieces
            _append_node(pending, b"".join(each.contents for each in node.inside), budget)


def _append_node(pending: list[_Node], octets: bytes, budget: list[int]) -> None:
    node, _ = _read(octets, (0, len(octets)), 0, budget)
    if node is not None:
        pending.append(node)


def _read(
    data: bytes, span: tuple[int, int], depth: int, budget: list[int]
) -> tuple[_Node | None, int]:
    """The TLV at the start of a span, or None, and the position after it."""
    begin, limit = span
    budget[0] -= 1
    if begin + 2 > limit or depth > MAX_DEPTH or budget[0] < 0:
        return None, limit
    tag, length, start = data[begin], data[begin + 1], begin + 2
    indefinite = length == 0x80
    if length > 0x80:
        start += length - 0x80
        length = int.from_bytes(data[begin + 2 : start], "big")
    end = limit if indefinite else min(start + length, limit)
    inside: list[_Node] = []
    position = start
    while tag & 0x20 and position < end:
        if indefinite and data[position : position + 2] == b"\0\0":
            return _Node(tag, data[start:position], tuple(inside)), position + 2
        node, position = _read(data, (position, end), depth + 1, budget)
        if node is None:
            break
        inside.append(node)
    return _Node(tag, data[start:end], tuple(inside)), end
