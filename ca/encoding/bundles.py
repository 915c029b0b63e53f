"""Files of certificates as they come: PEM with whatever stands around it, DER, PKCS#7."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error

import msgspec

from ca.encoding.der import read
from ca.encoding.pkcs7 import SIGNED_DATA, read_certs_only
from ca.errors import MalformedError

_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_CERTIFICATE = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
_PKCS7 = ("PKCS7", "CMS")
BOM = b"\xef\xbb\xbf"


class Member(msgspec.Struct, frozen=True):
    """A certificate of a file, and the line it begins at (1 for DER)."""

    der: bytes
    line: int


class Bundle(msgspec.Struct, frozen=True):
    """What a file holds. ``keys``: lines of private keys; ``others``: labels of further blocks.

    ``strays``: lines of text outside the blocks.
    """

    form: str
    members: tuple[Member, ...]
    keys: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    strays: tuple[int, ...] = ()


def read_bundle(data: bytes, *, what: str) -> Bundle:
    """Take a file apart; nothing in it is judged but its form.

    Raises:
        MalformedError: a block of it is damaged, or it holds neither certificates nor keys.
    """
    if _BEGIN.search(data):
        return _from_pem(data, what)
    try:
        node = read(data, what=what)
        if SIGNED_DATA in _first_oid(data):
            found = tuple(Member(der, 1) for der in read_certs_only(data))
            return Bundle("pkcs7", found)
        if len(node.children()) == 3:
            return Bundle("der", (Member(data, 1),))
    except (MalformedError, IndexError):
        pass
    raise MalformedError(f"{what} holds no certificate", hint="PEM, DER or PKCS#7 (.p7b) is read")


def _from_pem(data: bytes, what: str) -> Bundle:
    members: list[Member] = []
    keys: list[int] = []
    others: list[str] = []
    strays: list[int] = []
    position = 0
    while begin := _BEGIN.search(data, position):
        strays += _stray_lines(data, position, begin.start())
        label = begin[1].decode()
        line = data.count(b"\n", 0, begin.start()) + 1
        end = data.find(f"-----END {label}-----".encode(), begin.end())
        if end < 0:
            raise MalformedError(f"{what} line {line}: the {label} block has no END line")
        if "PRIVATE KEY" in label:
            keys.append(line)
        elif label in _CERTIFICATE:
            members.append(Member(_decoded(data[begin.end() : end], what, line), line))
        elif label in _PKCS7:
            inside = read_certs_only(_decoded(data[begin.end() : end], what, line))
            members += [Member(der, line) for der in inside]
        else:
            others.append(label)
        position = end + len(label) + 14
    strays += _stray_lines(data, position, len(data))
    return Bundle("pem", tuple(members), tuple(keys), tuple(others), tuple(strays))


def _decoded(body: bytes, what: str, line: int) -> bytes:
    try:
        der = b64decode(b"".join(body.split()), validate=True)
        read(der, what=f"{what} line {line}")
    except (Error, ValueError):
        raise MalformedError(f"{what} line {line}: the block is not base64") from None
    return der


def _stray_lines(data: bytes, start: int, end: int) -> list[int]:
    first = data.count(b"\n", 0, start) + 1
    lines = data[start:end].removeprefix(BOM).split(b"\n")
    return [first + number for number, line in enumerate(lines) if line.strip(b"\r \t-")]


def _first_oid(data: bytes) -> str:
    from ca.encoding.der import OID, oid

    children = read(data).children()
    return oid(children[0]) if children and children[0].tag == OID else ""
