"""PKCS#7 certs-only bundles (RFC 5652, degenerate SignedData), as Windows names them ``.p7b``."""

from __future__ import annotations

from ca.encoding.der import encode_integer, encode_oid, sequence, tlv

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
