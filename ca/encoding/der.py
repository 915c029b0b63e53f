"""Read and write DER (ITU-T X.690) without judging what it means.

This is our own code, not asn1crypto's, for two measured reasons (decision 3 in ca/README.md): it
reads a CSR in a quarter of the time, and its errors on hostile lengths name the offset. A property
test compares it with asn1crypto's parser.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import msgspec

from ca.errors import MalformedError

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING, PRINTABLE_STRING, T61_STRING, IA5_STRING = 0x0C, 0x13, 0x14, 0x16
UTC_TIME, GENERALIZED_TIME, UNIVERSAL_STRING, BMP_STRING = 0x17, 0x18, 0x1C, 0x1E
ENUMERATED, SEQUENCE, SET = 0x0A, 0x30, 0x31

T = TypeVar("T")
MAX_DEPTH = 32
"""A bound against hostile input; no X.509 structure nests as deep."""


class Node(msgspec.Struct, frozen=True, gc=False):
    """One TLV inside ``data``: its tag octet, and the positions of its start, contents and end."""

    data: bytes
    tag: int
    start: int
    body: int
    end: int

    @property
    def raw(self) -> bytes:
        """The whole TLV."""
        return self.data[self.start : self.end]

    @property
    def contents(self) -> bytes:
        """The contents octets."""
        return self.data[self.body : self.end]

    def children(self) -> list[Node]:
        """The TLVs inside a constructed one.

        Raises:
            MalformedError: the contents are not a whole number of TLVs.
        """
        data, position, end = self.data, self.body, self.end
        nodes: list[Node] = []
        while position < end:
            body = position + 2
            length = data[position + 1] if body <= end else 0x80
            tag = data[position]
            if length < 0x80 and length <= end - body and tag & 0x1F != 0x1F:
                node = Node(data, tag, position, body, body + length)  # a fast path for nearly all
            else:
                node = _tlv(data, position, end)
            nodes.append(node)
            position = node.end
        return nodes


def read(data: bytes, *, what: str = "the DER") -> Node:
    """Read data that is exactly one TLV.

    Raises:
        MalformedError: it is not one complete TLV, or octets follow it.
    """
    node = _tlv(data, 0, len(data))
    if node.end != len(data):
        raise MalformedError(f"{what} is followed by {len(data) - node.end} stray octets")
    return node


def first(data: bytes, start: int = 0, limit: int | None = None) -> Node:
    """Read the TLV at ``start``, and ignore what follows it.

    Raises:
        MalformedError: there is no complete TLV before ``limit``.
    """
    return _tlv(data, start, len(data) if limit is None else limit)


def _tlv(data: bytes, start: int, limit: int) -> Node:
    if start + 2 > limit:
        raise MalformedError(f"the DER ends in the middle of a field, at octet {start}")
    tag, length, body = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F:
        raise MalformedError(
            f"the DER has a multi-octet tag at octet {start}, which X.509 never has"
        )
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise MalformedError(f"the DER has a length of {count} octets at octet {start}")
        body += count
        if count == 2 and body <= limit:
            length = data[start + 2] << 8 | data[start + 3]
        else:
            length = int.from_bytes(data[start + 2 : body], "big")
    if body > limit or length > limit - body:
        raise MalformedError(
            f"the DER field at octet {start} claims {length} octets, "
            f"where {max(limit - body, 0)} are left"
        )
    return Node(data, tag, start, body, body + length)


def read_once(read_part: Callable[[Node], T]) -> Callable[[Node], T]:
    """Cache a reader of parts that many structures share, by the octets of the part.

    Errors are not cached: the part is read again in its place, so that the message has its offset.
    """

    @lru_cache(maxsize=256)
    def cached(raw: bytes) -> T:
        return read_part(first(raw))

    def reader(node: Node) -> T:
        try:
            return cached(node.raw)
        except MalformedError:
            return read_part(node)

    return reader


def split(data: bytes) -> list[bytes]:
    """Split one constructed TLV into the TLVs inside it, headers included.

    Raises:
        MalformedError: ``data`` is not one TLV, or its contents are not a whole number of them.
    """
    end = len(data)
    if end > 3 and data[1] == 0x82 and data[2] << 8 | data[3] == end - 4:
        position = 4  # a fast path for 256 to 65,535 octets, as certificates and requests have
    else:
        outer = read(data)
        position, end = outer.body, outer.end
    values: list[bytes] = []
    while position < end:
        length = data[position + 1] if position + 2 <= end else 0x80
        after = position + 2 + length
        if length >= 0x80 or after > end or data[position] & 0x1F == 0x1F:
            after = _tlv(data, position, end).end  # rare: a longer one, or an error
        values.append(data[position:after])
        position = after
    return values


def too_deep(node: Node) -> bool:
    """Whether values nest more than ``MAX_DEPTH`` deep; determined without recursion."""
    pending = [(node, 1)]
    while pending:
        node, depth = pending.pop()
        if depth > MAX_DEPTH:
            return True
        if node.tag & 0x20:
            pending.extend((child, depth + 1) for child in node.children())
    return False


def integer(node: Node) -> int:
    """The value of an INTEGER.

    Raises:
        MalformedError: it is not an INTEGER, or it is empty.
    """
    if node.tag != INTEGER or node.end == node.body:
        raise MalformedError(f"the DER has no integer at octet {node.start}")
    return int.from_bytes(node.contents, "big", signed=True)


def bit_string(node: Node) -> bytes:
    """The octets of a BIT STRING without unused bits.

    Raises:
        MalformedError: it is not a BIT STRING, or it has unused bits.
    """
    if node.tag != BIT_STRING or node.end == node.body or node.data[node.body] != 0:
        raise MalformedError(f"the DER has no whole-octet bit string at octet {node.start}")
    return node.data[node.body + 1 : node.end]


def oid(node: Node) -> str:
    """The dotted form of an OBJECT IDENTIFIER.

    Raises:
        MalformedError: it is not an OBJECT IDENTIFIER, or it ends inside an arc.
    """
    contents = node.contents
    if node.tag != OID or not contents or contents[-1] & 0x80 or len(contents) > 64:
        raise MalformedError(f"the DER has no object identifier at octet {node.start}")
    return _dotted(contents)


@lru_cache(maxsize=256)
def _dotted(contents: bytes) -> str:
    arcs: list[int] = []
    value = 0
    for octet in contents:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    top = min(arcs[0] // 40, 2)
    return ".".join(map(str, (top, arcs[0] - 40 * top, *arcs[1:])))


def tlv(tag: int, contents: bytes) -> bytes:
    """Encode one TLV, with a minimal definite length."""
    return header(tag, len(contents)) + contents


@lru_cache(maxsize=1024)
def header(tag: int, size: int) -> bytes:
    """The tag and minimal definite length of a TLV whose contents have ``size`` octets."""
    if size < 0x80:
        return bytes((tag, size))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets


def sequence(*parts: bytes) -> bytes:
    """Encode a SEQUENCE of parts that are encoded already."""
    return tlv(SEQUENCE, b"".join(parts))


def encode_integer(value: int) -> bytes:
    """Encode an INTEGER in the fewest octets."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def encode_enumerated(value: int) -> bytes:
    """Encode an ENUMERATED in the fewest octets."""
    return bytes((ENUMERATED,)) + encode_integer(value)[1:]


@lru_cache(maxsize=256)
def encode_oid(dotted: str) -> bytes:
    """Encode an OBJECT IDENTIFIER from its dotted form."""
    return tlv(OID, oid_contents(dotted))


def oid_contents(dotted: str) -> bytes:
    """The contents octets of an OBJECT IDENTIFIER.

    Those of an arc are a prefix of those of every OID below it.
    """
    first_arc, second_arc, *rest = (int(arc) for arc in dotted.split("."))
    contents = bytearray()
    for arc in (first_arc * 40 + second_arc, *rest):
        octets = [arc & 0x7F]
        while arc := arc >> 7:
            octets.append(arc & 0x7F | 0x80)
        contents += bytes(reversed(octets))
    return bytes(contents)


def signed(tbs: bytes, algorithm: bytes, signature: bytes) -> bytes:
    """Encode a signed structure (RFC 5280, 4.1.1): a certificate, CRL or request."""
    return sequence(tbs, algorithm, tlv(BIT_STRING, b"\x00" + signature))


def signed_parts(data: bytes, *, what: str) -> tuple[Node, Node, bytes]:
    """The three parts of a signed structure: to-be-signed, AlgorithmIdentifier, signature.

    Raises:
        MalformedError: ``data`` is not a signed structure.
    """
    outer = read(data, what=what)
    parts = outer.children() if outer.tag == SEQUENCE else []
    if len(parts) != 3 or parts[0].tag != SEQUENCE or parts[1].tag != SEQUENCE:
        raise MalformedError(f"{what} is not a signed structure of three parts")
    return parts[0], parts[1], bit_string(parts[2])


def algorithm_of(tbs: bytes) -> bytes:
    """The signature field of a TBSCertificate, an AlgorithmIdentifier (RFC 5280, 4.1.2.3)."""
    return fields_of(tbs)[2]


def fields_of(tbs: bytes) -> list[bytes]:
    """The fields of a TBSCertificate, the first of them empty in one of version 1."""
    fields = split(tbs)
    return fields if fields[:1] and fields[0][:1] == b"\xa0" else [b"", *fields]


def certificate(tbs: bytes, signature: bytes) -> bytes:
    """Encode a certificate from its TBSCertificate, whose AlgorithmIdentifier is repeated."""
    return signed(tbs, algorithm_of(tbs), signature)


def serial_of(data: bytes) -> bytes:
    """The serial number of a certificate as octets, without a sign octet.

    Raises:
        MalformedError: it is not a certificate.
    """
    return serial_in(signed_parts(data, what="the certificate")[0].raw)


def serial_in(tbs: bytes) -> bytes:
    """The serial number of a TBSCertificate as octets, without a sign octet.

    Raises:
        MalformedError: it is not a TBSCertificate.
    """
    fields = [node for node in read(tbs).children() if node.tag != 0xA0]
    return serial_octets(integer(fields[0]))


def serial_octets(serial: int) -> bytes:
    """A serial number as the register keeps it: the fewest octets, without a sign octet.

    A negative one, as old tools made them, is a zero octet before its two's complement: no
    positive number begins with one.
    """
    if serial < 0:
        return b"\x00" + serial.to_bytes(serial.bit_length() // 8 + 1, "big", signed=True)
    return serial.to_bytes(max(1, (serial.bit_length() + 7) // 8), "big")


def serial_number(octets: bytes) -> int:
    """The number that ``serial_octets`` made octets of."""
    if len(octets) > 1 and octets[0] == 0:
        return int.from_bytes(octets[1:], "big", signed=True)
    return int.from_bytes(octets, "big")
