"""Recognise what a file is, for messages: by its ASN.1 tags, its first octets or its PEM label."""

from __future__ import annotations

import re

from ca.encoding import der
from ca.errors import MalformedError

PRIVATE_KEY = "private key"
ENCRYPTED_KEY = "private key (encrypted PKCS#8)"
CERTIFICATE, CSR, CRL = "certificate", "CSR", "CRL"
PKCS7, PKCS12, PUBLIC_KEY = "PKCS#7 bundle", "PKCS#12 file", "public key"
HTML = "HTML page"
_BEGINNINGS = (
    (b"\xfe\xed\xfe\xed", "Java keystore (JKS)"),
    (b"\xce\xce\xce\xce", "Java keystore (JCEKS)"),
    (b"PK\x03\x04", "ZIP archive"),
    (b"\x1f\x8b", "compressed file (gzip)"),
    (b"%PDF", "PDF document"),
    (b"SQLite format 3\x00", "SQLite database"),
    (b"\x7fELF", "program"),
    (b"MZ", "program"),
    (b"\x85\x02", "PGP message"),
    (b"ssh-", "SSH key"),
    (b"ecdsa-sha2-", "SSH key"),
    (b"PuTTY-User-Key-File", "SSH key (PuTTY)"),
)
_PEM = {
    "CERTIFICATE REQUEST": CSR,
    "NEW CERTIFICATE REQUEST": CSR,
    "X509 CRL": CRL,
    "PUBLIC KEY": PUBLIC_KEY,
    "RSA PUBLIC KEY": PUBLIC_KEY,
    "SSH2 PUBLIC KEY": "SSH key",
    "PKCS7": PKCS7,
    "CMS": PKCS7,
    "PKCS #7 SIGNED DATA": PKCS7,
    "PKCS12": PKCS12,
    "PGP MESSAGE": "PGP message",
    "PGP PUBLIC KEY BLOCK": "PGP key",
    "DH PARAMETERS": "file of Diffie-Hellman parameters",
    "EC PARAMETERS": "file of elliptic-curve parameters",
}
_PAGE = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)


def with_article(form: str) -> str:
    """A form preceded by "a" or "an", as it is pronounced."""
    spoken = form.startswith(("SSH", "HTML", "SQ", "ELF")) or form[0] in "aeioAEIO"
    return f"{'an' if spoken else 'a'} {form}"


def form_of_label(label: str) -> str:
    """What a PEM block holds, by its label."""
    if label in ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"):
        return CERTIFICATE
    return PRIVATE_KEY if PRIVATE_KEY.upper() in label else _PEM.get(label, f"PEM file of {label}")


def form_of_file(data: bytes) -> str | None:
    """What a file without PEM blocks is, or None if it is not recognised."""
    for beginning, form in _BEGINNINGS:
        if data.startswith(beginning):
            return form
    if _PAGE.match(data[:1024]):
        return HTML
    from ca.encoding import ber

    try:
        return form_of_der(der.read(ber.to_definite_lengths(data)))
    except MalformedError:
        return None


def form_of_der(outer: der.Node) -> str | None:
    """What a DER structure is, by the tags of its first levels; None if it is not recognised.

    Raises:
        MalformedError: it is not DER.
    """
    parts = outer.children() if outer.tag == der.SEQUENCE else []
    tags = [part.tag for part in parts]
    if tags[:1] == [der.OID]:
        return PKCS7
    if tags == [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING]:
        return _signed(parts[0])
    if tags[:3] == [der.INTEGER, der.SEQUENCE, der.OCTET_STRING]:
        return f"{PRIVATE_KEY} (PKCS#8)"
    if tags[:2] == [der.INTEGER, der.INTEGER] and len(tags) >= 9:
        return f"{PRIVATE_KEY} (RSA)"
    if tags[:2] == [der.INTEGER, der.OCTET_STRING]:
        return f"{PRIVATE_KEY} (EC)"
    if tags == [der.SEQUENCE, der.OCTET_STRING]:
        return ENCRYPTED_KEY
    if tags[:2] == [der.INTEGER, der.SEQUENCE]:
        return PKCS12
    return PUBLIC_KEY if tags == [der.SEQUENCE, der.BIT_STRING] else None


def _signed(inside: der.Node) -> str:
    """Distinguish CertificationRequestInfo, TBSCertificate and TBSCertList."""
    tags = [node.tag for node in inside.children()[:6]]
    if tags[:1] == [0xA0] or tags[:4] == [der.INTEGER, *[der.SEQUENCE] * 3]:
        return CERTIFICATE
    if der.UTC_TIME in tags or der.GENERALIZED_TIME in tags:
        return CRL
    return CSR
