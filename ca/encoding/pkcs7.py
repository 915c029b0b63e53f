"""PKCS#7 certs-only bundles (RFC 5652, degenerate SignedData), as Windows names them ``.p7b``."""

from __future__ import annotations

from ca.encoding import ber, der
from ca.encoding.der import SEQUENCE
from ca.encoding.oids import ENCRYPTED_DATA, ENVELOPED_DATA, SIGNED_DATA
from ca.errors import MalformedError

_ENCRYPTED = (ENVELOPED_DATA, ENCRYPTED_DATA)
_CONTEXT_0 = 0xA0
_EXPORT = "export the certificates themselves: PEM, or a .p7b that holds them"


def certs_only(certificates: list[bytes]) -> bytes:
    """A SignedData without signers that carries these certificates, as DER.

    The set is ordered by encoding, as DER wants it (X.690, 11.6).

    Raises:
        ValueError: there are none, or one that cryptography cannot read.
    """
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
    from cryptography.x509 import load_der_x509_certificate

    if not certificates:
        raise ValueError("a PKCS#7 of no certificates")
    return serialize_certificates([*map(load_der_x509_certificate, certificates)], Encoding.DER)


def read_certs_only(data: bytes) -> list[bytes]:
    """The certificates of a SignedData, in the order they stand in it; BER is read too.

    Taken apart here, since other people's files come this way: cryptography's reader takes no BER,
    and refuses all certificates where it cannot read one of them.

    Raises:
        MalformedError: it is no SignedData, or carries no certificates.
    """
    try:
        outer = der.read(ber.definite(data)).children()
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
    found = [each.raw for each in inside if each.tag == SEQUENCE]
    if not found:
        raise MalformedError("this PKCS#7 carries no certificates", hint=_EXPORT)
    return found
