"""The table of OIDs beside the numbers that two libraries have for the same names."""

from __future__ import annotations

from typing import get_args

from asn1crypto.algos import DigestAlgorithmId, EncryptionAlgorithmId
from asn1crypto.cms import ContentType
from asn1crypto.crl import CRLEntryExtensionId
from asn1crypto.keys import NamedCurve
from asn1crypto.x509 import ExtensionId, KeyPurposeId, NameType
from cryptography.x509.oid import (
    ExtendedKeyUsageOID,
    ExtensionOID,
    NameOID,
    OCSPExtensionOID,
    SignatureAlgorithmOID,
)

from ca.encoding import der, oids
from ca.profiles.profile import KeyUsageBit

SIP_DOMAIN = "1.3.6.1.5.5.7.3.20"
"""RFC 5924, 4: neither library has it."""


def of_the_library(numbers: type, names: dict[str, str]) -> dict[str, str]:
    return {getattr(numbers, theirs).dotted_string: ours for theirs, ours in names.items()}


def test_attribute_types_are_those_of_the_library() -> None:
    expected = of_the_library(NameOID, {
        "COMMON_NAME": "CN", "SURNAME": "SN", "SERIAL_NUMBER": "serialNumber", "COUNTRY_NAME": "C",
        "LOCALITY_NAME": "L", "STATE_OR_PROVINCE_NAME": "ST", "STREET_ADDRESS": "STREET",
        "ORGANIZATION_NAME": "O", "ORGANIZATIONAL_UNIT_NAME": "OU", "TITLE": "title",
        "GIVEN_NAME": "GN", "USER_ID": "UID", "DOMAIN_COMPONENT": "DC", "EMAIL_ADDRESS": "emailAddress",
    })  # fmt: skip

    assert expected == oids.ATTRIBUTE_TYPES
    assert set(oids.ATTRIBUTE_TYPES) <= set(NameType._map)


def test_extensions_are_those_of_the_library() -> None:
    expected = of_the_library(ExtensionOID, {
        "SUBJECT_KEY_IDENTIFIER": "subjectKeyIdentifier", "KEY_USAGE": "keyUsage",
        "SUBJECT_ALTERNATIVE_NAME": "subjectAltName", "ISSUER_ALTERNATIVE_NAME": "issuerAltName",
        "BASIC_CONSTRAINTS": "basicConstraints", "NAME_CONSTRAINTS": "nameConstraints",
        "CRL_DISTRIBUTION_POINTS": "cRLDistributionPoints", "CERTIFICATE_POLICIES": "certificatePolicies",
        "AUTHORITY_KEY_IDENTIFIER": "authorityKeyIdentifier", "EXTENDED_KEY_USAGE": "extendedKeyUsage",
        "AUTHORITY_INFORMATION_ACCESS": "authorityInfoAccess", "SUBJECT_INFORMATION_ACCESS": "subjectInfoAccess",
        "TLS_FEATURE": "tlsFeature", "OCSP_NO_CHECK": "ocspNoCheck",
        "MS_CERTIFICATE_TEMPLATE": "msCertificateTemplate",
    })  # fmt: skip
    of_others = {"nsCertType", "nsComment", "msCertificateTemplateName"}

    assert {oid: name for oid, name in oids.EXTENSIONS.items() if name not in of_others} == expected
    assert {
        ExtensionId._map.get(oid) for oid, name in oids.EXTENSIONS.items() if name == "nsCertType"
    } == {"netscape_certificate_type"}


def test_extensions_of_crls_and_ocsp_are_those_of_the_library() -> None:
    assert ExtensionOID.CRL_NUMBER.dotted_string == oids.CRL_NUMBER
    assert ExtensionOID.AUTHORITY_KEY_IDENTIFIER.dotted_string == oids.AUTHORITY_KEY_IDENTIFIER
    assert CRLEntryExtensionId._map[oids.REASON_CODE] == "crl_reason"
    assert CRLEntryExtensionId._map[oids.INVALIDITY_DATE] == "invalidity_date"
    assert OCSPExtensionOID.NONCE.dotted_string == oids.OCSP_NONCE
    assert OCSPExtensionOID.ACCEPTABLE_RESPONSES.dotted_string == oids.OCSP_ACCEPTABLE_RESPONSES


def test_purposes_are_those_of_the_library_and_the_sip_domain() -> None:
    expected = of_the_library(
        ExtendedKeyUsageOID,
        {"SERVER_AUTH": "serverAuth", "CLIENT_AUTH": "clientAuth", "OCSP_SIGNING": "OCSPSigning"},
    )

    assert expected | {SIP_DOMAIN: "id-kp-sipDomain"} == oids.PURPOSES
    assert set(oids.PURPOSES) - {SIP_DOMAIN} <= set(KeyPurposeId._map)


def test_a_profile_names_purposes_and_key_usage_by_the_words_of_the_table() -> None:
    assert {purpose.value for purpose in oids.Purpose} == {str(purpose) for purpose in oids.Purpose}
    assert set(get_args(KeyUsageBit)) <= set(oids.KEY_USAGE_BITS)


def test_signature_algorithms_are_those_of_the_library() -> None:
    expected = of_the_library(SignatureAlgorithmOID, {
        "RSA_WITH_MD5": "md5WithRSAEncryption", "RSA_WITH_SHA1": "sha1WithRSAEncryption",
        "RSA_WITH_SHA224": "sha224WithRSAEncryption", "RSA_WITH_SHA256": "sha256WithRSAEncryption",
        "RSA_WITH_SHA384": "sha384WithRSAEncryption", "RSA_WITH_SHA512": "sha512WithRSAEncryption",
        "RSASSA_PSS": "rsassaPss", "ECDSA_WITH_SHA1": "ecdsa-with-SHA1",
        "ECDSA_WITH_SHA224": "ecdsa-with-SHA224", "ECDSA_WITH_SHA256": "ecdsa-with-SHA256",
        "ECDSA_WITH_SHA384": "ecdsa-with-SHA384", "ECDSA_WITH_SHA512": "ecdsa-with-SHA512",
        "DSA_WITH_SHA1": "dsa-with-SHA1", "DSA_WITH_SHA224": "dsa-with-SHA224",
        "DSA_WITH_SHA256": "dsa-with-SHA256", "ED25519": "Ed25519", "ED448": "Ed448",
    })  # fmt: skip
    long_broken = {name for name in oids.SIGNATURES.values() if name.startswith(("md2", "md4"))}

    assert {oid: oids.SIGNATURES.get(oid) for oid in expected} == expected
    assert set(oids.SIGNATURES.values()) - long_broken == set(expected.values())


def test_what_is_written_for_a_signature_algorithm_is_its_pkcs_1_number() -> None:
    written = oids.SIGNATURE_OIDS["sha1WithRSAEncryption"]

    assert written == SignatureAlgorithmOID.RSA_WITH_SHA1.dotted_string


def test_hashes_and_curves_have_the_numbers_that_another_library_has() -> None:
    curves = {oid: NamedCurve._map[oid] for oid in oids.CURVES}

    assert {DigestAlgorithmId._map[oid].upper() for oid in oids.HASHES} == set(oids.HASHES.values())
    assert [curves[oid] for oid in oids.CURVES] == ["secp256r1", "secp384r1", "secp521r1"]
    assert [name for name, _ in oids.CURVES.values()] == ["p256", "p384", "p521"]


def test_types_of_content_and_encryption_are_known_to_another_library() -> None:
    found = {
        ContentType._map[oid]
        for oid in (oids.DATA, oids.SIGNED_DATA, oids.ENVELOPED_DATA, oids.ENCRYPTED_DATA)
    }
    unknown = {
        name for oid, name in oids.ENCRYPTION.items() if oid not in EncryptionAlgorithmId._map
    }

    assert found == {"data", "signed_data", "enveloped_data", "encrypted_data"}
    assert EncryptionAlgorithmId._map[oids.PBES2] == "pbes2"
    assert not any(name.startswith("AES") for name in unknown)


def test_what_lies_below_an_arc_begins_with_its_octets() -> None:
    below = der.oid_contents(oids.PBES2)

    assert below.startswith(der.oid_contents(oids.PKCS5))
    assert not below.startswith(der.oid_contents(oids.PKCS12_ENCRYPTION))
