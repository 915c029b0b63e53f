"""How much work opening a foreign key would be: read from the file before anything is derived.

A passphrase is turned into a key by repeating a hash; how often, the file itself says, and up to
2^31 rounds of PBKDF2 (a quarter of an hour) or 2^30 blocks of scrypt (a terabyte) can be asked for
in a few hundred octets. Reads BER as well as DER, since PFX files come in both.

What lies inside an encrypted part of a PFX is seen only when that part is opened.
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
"""Of all parts of a file together: some five seconds, 16 times OWASP's advice of 2023."""
MAX_SCRYPT_MEMORY = 256 << 20
MAX_SCRYPT_WORK = 1 << 22
"""N * r * p; OpenSSL's own default is 2^17."""
MAX_BCRYPT_ROUNDS = 500
"""A round takes some 10 ms; ``ssh-keygen`` writes 16 to 24 unless told."""
MAX_NUMBER_BITS = 8192
"""Of a modulus or a prime: more is not a key that sipca takes, and to check it takes minutes."""
MAX_NODES, MAX_DEPTH = 20_000, 40

_PBKDF2 = oid_contents(oids.PBKDF2)
_SCRYPT = oid_contents(oids.SCRYPT)
_PKCS5 = oid_contents(oids.PKCS5)
_PKCS12 = oid_contents(oids.PKCS12_ENCRYPTION)
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY)-----")
_OPENSSH = b"openssh-key-v1\0"


class _Node(NamedTuple):
    """One value: its tag octet, its contents, and what is inside where it is constructed."""

    tag: int
    contents: bytes
    inside: tuple[_Node, ...]


def check_work(data: bytes, *, name: str) -> None:
    """That opening a key file (PEM, DER, PFX) is not more work than a key is worth.

    What cannot be read here at all is left to the reader of keys, which refuses it.

    Raises:
        PolicyError: naming the factor and the bound.
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
        lines = [line for line in body.splitlines() if b":" not in line]
        try:
            yield binascii.a2b_base64(b"".join(lines))
        except binascii.Error:
            continue


def _rounds(node: _Node, name: str) -> int:
    """The rounds that one algorithm identifier, or one MacData of a PFX, asks for."""
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
    """OpenSSH's own form: cipher, KDF, and its options (salt, rounds), each with its length."""
    fields, position = [], len(_OPENSSH)
    for _ in range(3):
        length = int.from_bytes(data[position : position + 4], "big")
        fields.append(data[position + 4 : position + 4 + length])
        position += 4 + length
    rounds = int.from_bytes(fields[2][-4:], "big")
    if fields[1] == b"bcrypt" and rounds > MAX_BCRYPT_ROUNDS:
        raise _too_much(name, "its passphrase's rounds (bcrypt)", rounds, str(MAX_BCRYPT_ROUNDS))


def _too_much(name: str, factor: str, asked: int, bound: str) -> PolicyError:
    shown = str(asked) if asked < 1 << 64 else f"2^{asked.bit_length() - 1} or more"
    return PolicyError(
        f"'{name}': {factor} would be {shown}, more than {bound}",
        hint="write it anew where it comes from, as openssl pkcs8 -topk8 -iter 600000 does",
    )


def _number(node: _Node) -> int:
    return int.from_bytes(node.contents[:64], "big") << max(0, len(node.contents) - 64) * 8


def _walk(der: bytes) -> Iterator[_Node]:
    """Every value of a structure, also of those that octet strings hold; none if it is none."""
    budget = [MAX_NODES]
    waiting: list[_Node] = []
    _into(waiting, der, budget)
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.inside
        if node.tag in (0x04, 0x80) and node.contents[:1] == b"\x30":
            _into(waiting, node.contents, budget)
        if len(node.inside) > 1 and all(each.tag == 0x04 for each in node.inside):  # BER: in pieces
            _into(waiting, b"".join(each.contents for each in node.inside), budget)


def _into(waiting: list[_Node], octets: bytes, budget: list[int]) -> None:
    found, _ = _read(octets, (0, len(octets)), 0, budget)
    if found is not None:
        waiting.append(found)


def _read(
    data: bytes, span: tuple[int, int], depth: int, budget: list[int]
) -> tuple[_Node | None, int]:
    """The value at the start of a span, and where the next one begins; None where none does."""
    at, last = span
    budget[0] -= 1
    if at + 2 > last or depth > MAX_DEPTH or budget[0] < 0:
        return None, last
    tag, length, start = data[at], data[at + 1], at + 2
    endless = length == 0x80
    if length > 0x80:
        start += length - 0x80
        length = int.from_bytes(data[at + 2 : start], "big")
    end = last if endless else min(start + length, last)
    inside: list[_Node] = []
    position = start
    while tag & 0x20 and position < end:
        if endless and data[position : position + 2] == b"\0\0":
            return _Node(tag, data[start:position], tuple(inside)), position + 2
        node, position = _read(data, (position, end), depth + 1, budget)
        if node is None:
            break
        inside.append(node)
    return _Node(tag, data[start:end], tuple(inside)), end
