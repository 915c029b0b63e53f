"""All object identifiers that sipca knows, in one place, with their names for people.

They belong to certificates, requests, key files, CRLs and OCSP. The names are those of the RFC
that defines the OID.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

# attribute types of a distinguished name (RFC 5280, appendix A.1; RFC 4519; RFC 2985)

COMMON_NAME, SERIAL_NUMBER, COUNTRY = "2.5.4.3", "2.5.4.5", "2.5.4.6"
DOMAIN_COMPONENT, EMAIL_ADDRESS = "0.9.2342.19200300.100.1.25", "1.2.840.113549.1.9.1"
ATTRIBUTE_TYPES = {
    COMMON_NAME: "CN",
    "2.5.4.4": "SN",
    SERIAL_NUMBER: "serialNumber",
    COUNTRY: "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.42": "GN",
    "0.9.2342.19200300.100.1.1": "UID",
    DOMAIN_COMPONENT: "DC",
    EMAIL_ADDRESS: "emailAddress",
}

# extensions of certificates and requests (RFC 5280, 4.2)

SUBJECT_KEY_IDENTIFIER, KEY_USAGE, SUBJECT_ALT_NAME = "2.5.29.14", "2.5.29.15", "2.5.29.17"
ISSUER_ALT_NAME, BASIC_CONSTRAINTS, NAME_CONSTRAINTS = "2.5.29.18", "2.5.29.19", "2.5.29.30"
CRL_DISTRIBUTION_POINTS, CERTIFICATE_POLICIES = "2.5.29.31", "2.5.29.32"
AUTHORITY_KEY_IDENTIFIER, EXTENDED_KEY_USAGE = "2.5.29.35", "2.5.29.37"
AUTHORITY_INFO_ACCESS, SUBJECT_INFO_ACCESS = "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.11"
OCSP_NO_CHECK = "1.3.6.1.5.5.7.48.1.5"
EXTENSIONS = {
    SUBJECT_KEY_IDENTIFIER: "subjectKeyIdentifier",
    KEY_USAGE: "keyUsage",
    SUBJECT_ALT_NAME: "subjectAltName",
    ISSUER_ALT_NAME: "issuerAltName",
    BASIC_CONSTRAINTS: "basicConstraints",
    NAME_CONSTRAINTS: "nameConstraints",
    CRL_DISTRIBUTION_POINTS: "cRLDistributionPoints",
    CERTIFICATE_POLICIES: "certificatePolicies",
    AUTHORITY_KEY_IDENTIFIER: "authorityKeyIdentifier",
    EXTENDED_KEY_USAGE: "extendedKeyUsage",
    AUTHORITY_INFO_ACCESS: "authorityInfoAccess",
    SUBJECT_INFO_ACCESS: "subjectInfoAccess",
    "1.3.6.1.5.5.7.1.24": "tlsFeature",
    OCSP_NO_CHECK: "ocspNoCheck",
    "2.16.840.1.113730.1.1": "nsCertType",
    "2.16.840.1.113730.1.13": "nsComment",
    "1.3.6.1.4.1.311.20.2": "msCertificateTemplateName",
    "1.3.6.1.4.1.311.21.7": "msCertificateTemplate",
}

KEY_USAGE_BITS = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
    "encipher_only": "encipherOnly",
    "decipher_only": "decipherOnly",
}
"""The bits of a KeyUsage in order (RFC 5280, 4.2.1.3): the word of profiles, and the RFC's name."""


class Purpose(StrEnum):
    """An extended key usage (RFC 5280, 4.2.1.12): the word of profiles, its OID and RFC name."""

    SERVER_AUTH = "server_auth", "1.3.6.1.5.5.7.3.1", "serverAuth"
    CLIENT_AUTH = "client_auth", "1.3.6.1.5.5.7.3.2", "clientAuth"
    OCSP_SIGNING = "ocsp_signing", "1.3.6.1.5.5.7.3.9", "OCSPSigning"
    SIP_DOMAIN = "sip_domain", "1.3.6.1.5.5.7.3.20", "id-kp-sipDomain"  # RFC 5924

    oid: str
    label: str

    def __new__(cls, word: str, oid: str, label: str) -> Self:
        """Create a member whose value is the word."""
        member = str.__new__(cls, word)
        member._value_, member.oid, member.label = word, oid, label
        return member


PURPOSES = {purpose.oid: purpose.label for purpose in Purpose}

# CRLs (RFC 5280, 5.2 and 5.3) and OCSP (RFC 6960, 4.4; nonce: RFC 9654)

CRL_NUMBER, REASON_CODE, INVALIDITY_DATE = "2.5.29.20", "2.5.29.21", "2.5.29.24"
OCSP_BASIC, OCSP_NONCE = "1.3.6.1.5.5.7.48.1.1", "1.3.6.1.5.5.7.48.1.2"
OCSP_ACCEPTABLE_RESPONSES = "1.3.6.1.5.5.7.48.1.4"
OCSP_PREFERRED_ALGORITHMS = "1.3.6.1.5.5.7.48.1.8"

# keys (RFC 3279, RFC 5480, RFC 8410), signatures and hashes

RSA, RSA_PSS, EC = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.10045.2.1"
ED25519, ED448 = "1.3.101.112", "1.3.101.113"  # of keys and of their signatures alike
KEY_ALGORITHMS = {
    RSA: "rsa",
    RSA_PSS: "rsa-pss",
    EC: "ec",
    "1.2.840.10040.4.1": "dsa",
    "1.2.840.10046.2.1": "dh",
    "1.3.101.110": "x25519",
    "1.3.101.111": "x448",
    ED25519: "ed25519",
    ED448: "ed448",
}
CURVES = {
    "1.2.840.10045.3.1.7": ("p256", 256),
    "1.3.132.0.34": ("p384", 384),
    "1.3.132.0.35": ("p521", 521),
}
"""Name and size in bits of each curve that sipca accepts."""
CURVE_NAMES = tuple(name for name, _ in CURVES.values())
SIGNATURES = {
    "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
    "1.2.840.113549.1.1.3": "md4WithRSAEncryption",
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.3.14.3.2.29": "sha1WithRSAEncryption",  # the OID of OIW for the same; never written
    RSA_PSS: "rsassaPss",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.2.840.10040.4.3": "dsa-with-SHA1",
    "2.16.840.1.101.3.4.3.1": "dsa-with-SHA224",
    "2.16.840.1.101.3.4.3.2": "dsa-with-SHA256",
    ED25519: "Ed25519",
    ED448: "Ed448",
}
SIGNATURE_OIDS = {name: oid for oid, name in reversed(SIGNATURES.items())}
"""OIDs by name; the first if an algorithm has two."""
SHA1, SHA256 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1"
SHA384, SHA512 = "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"
HASHES = {
    "1.2.840.113549.2.5": "MD5",
    SHA1: "SHA1",
    "2.16.840.1.101.3.4.2.4": "SHA224",
    SHA256: "SHA256",
    SHA384: "SHA384",
    SHA512: "SHA512",
}

# attributes of requests (RFC 2985, 5.4; the others are Microsoft's)

EXTENSION_REQUESTS = ("1.2.840.113549.1.9.14", "1.3.6.1.4.1.311.2.1.14")
"""PKCS#9 extensionRequest (RFC 2985, 5.4.2), and Microsoft's own OID for the same."""
CHALLENGE_TYPE = "1.2.840.113549.1.9.7"
REQUEST_ATTRIBUTES = {
    CHALLENGE_TYPE: "challengePassword",
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
    "1.3.6.1.4.1.311.13.2.3": "msOSVersion",
    "1.3.6.1.4.1.311.21.20": "msRequestClientInfo",
    "1.3.6.1.4.1.311.13.2.2": "msEnrollmentCSP",
}

# signed messages (RFC 5652, 11) and the attributes of SCEP (RFC 8894, 3.2.1)

CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SCEP_MESSAGE_TYPE, SCEP_PKI_STATUS = "2.16.840.1.113733.1.9.2", "2.16.840.1.113733.1.9.3"
SCEP_FAIL_INFO, SCEP_SENDER_NONCE = "2.16.840.1.113733.1.9.4", "2.16.840.1.113733.1.9.5"
SCEP_RECIPIENT_NONCE = "2.16.840.1.113733.1.9.6"
SCEP_TRANSACTION_ID = "2.16.840.1.113733.1.9.7"

# files: PKCS#7 (RFC 5652), PKCS#12 (RFC 7292) and PKCS#5 (RFC 8018)

DATA, SIGNED_DATA = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"
ENVELOPED_DATA, ENCRYPTED_DATA = "1.2.840.113549.1.7.3", "1.2.840.113549.1.7.6"
KEY_BAG, SHROUDED_KEY_BAG = "1.2.840.113549.1.12.10.1.1", "1.2.840.113549.1.12.10.1.2"
PKCS5, PKCS12_ENCRYPTION = "1.2.840.113549.1.5", "1.2.840.113549.1.12.1"
"""The arcs that contain their algorithms."""
PBKDF2, PBES2, SCRYPT = "1.2.840.113549.1.5.12", "1.2.840.113549.1.5.13", "1.3.6.1.4.1.11591.4.11"
ENCRYPTION = {
    "1.2.840.113549.1.12.1.1": "RC4-128 and SHA-1",
    "1.2.840.113549.1.12.1.2": "RC4-40 and SHA-1",
    "1.2.840.113549.1.12.1.3": "3DES and SHA-1",
    "1.2.840.113549.1.12.1.4": "2-key 3DES and SHA-1",
    "1.2.840.113549.1.12.1.5": "RC2-128 and SHA-1",
    "1.2.840.113549.1.12.1.6": "RC2-40 and SHA-1",
    "1.2.840.113549.1.5.3": "DES and MD5",
    "1.2.840.113549.1.5.6": "RC2-64 and MD5",
    "1.2.840.113549.1.5.10": "DES and SHA-1",
    "1.2.840.113549.1.5.11": "RC2-64 and SHA-1",
    PBKDF2: "PBKDF2",
    SCRYPT: "scrypt",
    "1.2.840.113549.3.2": "RC2",
    "1.2.840.113549.3.7": "3DES",
    "1.3.14.3.2.7": "DES",
    "2.16.840.1.101.3.4.1.2": "AES-128",
    "2.16.840.1.101.3.4.1.22": "AES-192",
    "2.16.840.1.101.3.4.1.42": "AES-256",
    "1.2.392.200011.61.1.1.1.2": "Camellia-128",
    "1.2.392.200011.61.1.1.1.3": "Camellia-192",
    "1.2.392.200011.61.1.1.1.4": "Camellia-256",
}
"""The algorithms that encrypt key files in practice; a library may support fewer."""
