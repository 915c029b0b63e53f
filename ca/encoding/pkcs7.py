"""PKCS#7 certs-only bundles (RFC 5652, degenerate SignedData), as Windows names them ``.p7b``."""

from __future__ import annotations

from ca.encoding.der import SEQUENCE, encode_integer, encode_oid, oid, read, sequence, tlv
from ca.errors import MalformedError

SIGNED_DATA, DATA = "1.2.840.113549.1.7.2", "1.2.840.113549.1.7.1"
_CONTEXT_0, _SET = 0xA0, 0x31


def certs_only(certificates: list[bytes]) -> bytes:
    """A SignedData without signers that carries these certificates, as DER.

    The set is ordered by encoding, as DER wants it (X.690, 11.6).
    """
    signed_data = sequence(
        encode_integer(1),
        tlv(_SET, b""),
        sequence(encode_oid(DATA)),
        tlv(_CONTEXT_0, b"".join(sorted(certificates))),
        tlv(_SET, b""),
    )
    return sequence(encode_oid(SIGNED_DATA), tlv(_CONTEXT_0, signed_data))


def read_certs_only(data: bytes) -> list[bytes]:
    """The certificates of a SignedData, in the order they stand in it.

    Raises:
        MalformedError: it is no SignedData, or carries no certificates.
    """
    outer = read(data, what="the PKCS#7").children()
    if len(outer) != 2 or oid(outer[0]) != SIGNED_DATA:
        raise MalformedError("this PKCS#7 is not a SignedData")
    fields = outer[1].children()[0].children()
    inside = next((each for each in fields if each.tag == _CONTEXT_0), None)
    found = [each.raw for each in inside.children()] if inside is not None else []
    if not found or read(found[0]).tag != SEQUENCE:
        raise MalformedError("this PKCS#7 carries no certificates")
    return found
