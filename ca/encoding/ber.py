"""BER with indefinite lengths and strings in pieces (X.690, 8.1.3.6 and 8.7.3), as DER has it.

Windows, NSS and Java write PKCS#7 and PKCS#12 so. What is DER already stays as it is, octet for
octet: the certificates inside do.
"""

from __future__ import annotations

from ca.encoding import der
from ca.errors import MalformedError

_CONSTRUCTED, _INDEFINITE = 0x20, 0x80
_PIECES = der.OCTET_STRING | _CONSTRUCTED
_END = b"\x00\x00"


def definite(data: bytes) -> bytes:
    """The same values with definite lengths.

    Raises:
        MalformedError: it is no BER, or nests too deep.
    """
    encoded, end = _value(data, 0, len(data), 1)
    if end != len(data):
        raise MalformedError("the BER is followed by stray octets")
    return encoded


def _value(data: bytes, start: int, limit: int, depth: int) -> tuple[bytes, int]:
    """The value at ``start`` as DER, and where it ends."""
    if depth > der.MAX_DEPTH:
        raise MalformedError("the BER nests deeper than anything does")
    if start + 2 > limit:
        raise MalformedError("the BER ends in the middle of a value")
    tag = data[start]
    if data[start + 1] == _INDEFINITE:
        if not tag & _CONSTRUCTED:
            raise MalformedError("the BER has a simple value of indefinite length")
        inside, end = _values(data, start + 2, limit, depth, open_ended=True)
        return _joined(tag, inside), end
    node = der.first(data, start, limit)
    if not tag & _CONSTRUCTED:
        return node.raw, node.end
    try:
        inside, _ = _values(data, node.body, node.end, depth, open_ended=False)
    except MalformedError:
        return node.raw, node.end  # whoever asks for what is inside says what is wrong with it
    same = tag != _PIECES and b"".join(inside) == node.contents
    return (node.raw if same else _joined(tag, inside)), node.end


def _values(
    data: bytes, start: int, limit: int, depth: int, *, open_ended: bool
) -> tuple[list[bytes], int]:
    """The values inside another one as DER, and where they end."""
    found: list[bytes] = []
    position = start
    while position < limit:
        if open_ended and data[position : position + 2] == _END:
            return found, position + 2
        encoded, position = _value(data, position, limit, depth + 1)
        found.append(encoded)
    if open_ended:
        raise MalformedError("the BER has a value of indefinite length without an end")
    return found, position


def _joined(tag: int, inside: list[bytes]) -> bytes:
    if tag == _PIECES:
        return der.tlv(der.OCTET_STRING, b"".join(der.read(each).contents for each in inside))
    return der.tlv(tag, b"".join(inside))
