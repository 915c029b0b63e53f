"""Convert BER to DER: indefinite lengths and constructed strings (X.690, 8.1.3.6 and 8.7.3).

Windows, NSS and Java write PKCS#7 and PKCS#12 in BER. Values that are DER already, such as the
certificates inside, stay the same octet for octet.
"""

from __future__ import annotations

from ca.encoding import der
from ca.errors import MalformedError

_CONSTRUCTED, _INDEFINITE = 0x20, 0x80
_PIECES = der.OCTET_STRING | _CONSTRUCTED
_END = b"\x00\x00"


def to_definite_lengths(data: bytes) -> bytes:
    """Re-encode BER with definite lengths.

    Raises:
        MalformedError: it is not BER, or nests too deep.
    """
    value, end = _value(data, 0, len(data), 1)
    if end != len(data):
        raise MalformedError(f"the BER is followed by {len(data) - end} stray octets")
    return value


def _value(data: bytes, start: int, limit: int, depth: int) -> tuple[bytes, int]:
    """The value at ``start`` as DER, and the position of its end in ``data``."""
    if depth > der.MAX_DEPTH:
        raise MalformedError(f"the BER nests more than {der.MAX_DEPTH} levels deep")
    if start + 2 > limit:
        raise MalformedError("the BER ends in the middle of a value")
    tag = data[start]
    if data[start + 1] == _INDEFINITE:
        if not tag & _CONSTRUCTED:
            raise MalformedError("the BER has a primitive value of indefinite length")
        inside, end = _values(data, start + 2, limit, depth, open_ended=True)
        return _join(tag, inside), end
    node = der.first(data, start, limit)
    if not tag & _CONSTRUCTED:
        return node.raw, node.end
    try:
        inside, _ = _values(data, node.body, node.end, depth, open_ended=False)
    except MalformedError:
        return node.raw, node.end  # the reader of its contents will report what is wrong
    same = tag != _PIECES and b"".join(inside) == node.contents
    return (node.raw if same else _join(tag, inside)), node.end


def _values(
    data: bytes, start: int, limit: int, depth: int, *, open_ended: bool
) -> tuple[list[bytes], int]:
    """The values inside a constructed value as DER, and the position of their end in ``data``."""
    values: list[bytes] = []
    position = start
    while position < limit:
        if open_ended and data[position : position + 2] == _END:
            return values, position + 2
        value, position = _value(data, position, limit, depth + 1)
        values.append(value)
    if open_ended:
        raise MalformedError("the BER has a value of indefinite length without an end")
    return values, position


def _join(tag: int, inside: list[bytes]) -> bytes:
    if tag == _PIECES:
        return der.tlv(der.OCTET_STRING, b"".join(der.read(each).contents for each in inside))
    return der.tlv(tag, b"".join(inside))
