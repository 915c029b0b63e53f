"""PKCS#7 certs-only bundles (RFC 5652, degenerate SignedData), the ``.p7b`` files of Windows."""

from __future__ import annotations

from ca.encoding import ber, der
from ca.encoding.der import SEQUENCE
from ca.encoding.oids import ENCRYPTED_DATA, ENVELOPED_DATA, SIGNED_DATA
from ca.errors import MalformedError

_ENCRYPTED = (ENVELOPED_DATA, ENCRYPTED_DATA)
_CONTEXT_0 = 0xA0
_EXPORT = "export the certificates themselves: PEM, or a .p7b that holds them"


def certs_only(certificates: list[bytes]) -> bytes:
    """Encode certificates as a SignedData without signers, in DER.

    The set is sorted by encoding, as DER requires (X.690, 11.6).

    Raises:
        ValueError: there are no certificates, or cryptography cannot read one of them.
    """
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
    from cryptography.x509 import load_der_x509_certificate

    if not certificates:
        raise ValueError("a PKCS#7 of no certificates")
    return serialize_certificates([*map(load_der_x509_certificate, certificates)], Encoding.DER)


def read_certs_only(data: bytes) -> list[bytes]:
    """The certificates of a SignedData in DER or BER, in the order of the file.

    This does not use cryptography's reader, which refuses BER, and refuses the whole file if it
    cannot read one of the certificates.

    Raises:
        MalformedError: it is not a SignedData, or has no certificates.
    """
    try:
        outer = der.read(ber.to_definite_lengths(data)).children()
        kind = der.oid(outer[0])
        fields = outer[1].children()[0].children() if kind == SIGNED_DATA else []
        inside = [each for field in fields if field.tag == _CONTEXT_0 for each in field.children()]
    except (MalformedError, IndexError):
        raise MalformedError(
            "the PKCS#7 is cut off or damaged", hint="copy it again, unchanged"
        ) from None
    if kind != SIGNED_DATA:
        raise MalformedError(
            "this PKCS#7 is not a SignedData" + " (it is encrypted)" * (kind in _ENCRYPTED),
            hint=_EXPORT,
        )
    certificates = [each.raw for each in inside if each.tag == SEQUENCE]
    if not certificates:
        raise MalformedError("this PKCS#7 has no certificates", hint=_EXPORT)
    return certificates
