"""Requests with a flaw, and what is said of each; certificates as others read them."""

from __future__ import annotations

from cryptography import x509

FLAWED = {
    "cn-newline.csr": "the subject's CN 'sbc1.lab.example\\x0a' holds control characters",
    "dns-nul.csr": "the CSR's SAN dns 'sbc1.lab.example\\x00' holds control characters",
    "ip-as-text.csr": "an IP address of 9 octets, not 4 or 16: it is the text '10.4.0.20'",
    "latin1.csr": "the CSR's SAN dns 'sbc1.m\\xfcnchen.example' has characters outside ASCII",
    "san-garbage.csr": "the CSR's SAN does not decode: it is not a list of names",
    "tag9.csr": "the CSR's SAN has an entry of an unknown kind (tag 137)",
}
"""Of tests/vectors/samples/found: the file, and a part of what is said of it."""


def names_in(pem: str) -> list[str]:
    """Subject and SAN as a library that no one here wrote reads them."""
    made = x509.load_pem_x509_certificate(pem.encode())
    san = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [made.subject.rfc4514_string(), *[str(each.value) for each in san]]
