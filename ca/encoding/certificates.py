"""A certificate's DER taken apart into facts."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ca.encoding import der
from ca.encoding.der import signed_parts
from ca.encoding.extensions import KEY_USAGE, PURPOSES
from ca.errors import MalformedError
from ca.model.certificates import CertificateFacts, GeneralName, SubjectAttribute, Validity

if TYPE_CHECKING:
    from cryptography import x509

SHORT_TYPES = {
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.42": "GN",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
}
"""Attribute types by OID, as they are spelled for people."""
_COMMON_NAME = bytes.fromhex("550403")


def read_certificate(der: bytes) -> CertificateFacts:
    """The facts of one certificate (RFC 5280, 4.1).

    Raises:
        MalformedError: it is not a certificate, or parts of it cannot be read.
    """
    from cryptography import x509

    tbs, _, _ = signed_parts(der, what="the certificate")
    try:
        read = x509.load_der_x509_certificate(der)
        extensions = {each.oid.dotted_string: each.value for each in read.extensions}
        fields = [node for node in tbs.children() if node.tag != 0xA0]
        return CertificateFacts(
            der=der,
            serial=serial_text(read.serial_number),
            subject=_attributes(read.subject),
            issuer=_attributes(read.issuer),
            subject_der=fields[4].raw,
            issuer_der=fields[2].raw,
            spki=fields[5].raw,
            validity=Validity(read.not_valid_before_utc, read.not_valid_after_utc),
            fingerprint=sha256(der).hexdigest(),
            signature_algorithm=_signature_name(read),
            san_critical=any(
                each.critical and each.oid.dotted_string == "2.5.29.17" for each in read.extensions
            ),
            **_extension_facts(extensions),
        )
    except (ValueError, TypeError, IndexError) as error:
        raise MalformedError(f"the certificate cannot be read: {error}") from None


def common_name(tbs: bytes) -> str | None:
    """The first CN of a TBSCertificate that sipca made: its strings are UTF-8.

    Raises:
        MalformedError: it is none.
    """
    return _common_name(der.split(tbs)[5])


@lru_cache(maxsize=256)
def _common_name(name: bytes) -> str | None:
    for rdn in der.split(name):
        for attribute in der.split(rdn):
            kind, value = der.read(attribute).children()
            if kind.contents == _COMMON_NAME:
                return value.contents.decode("utf-8", "replace")
    return None


def serial_text(serial: int) -> str:
    """A serial for people and JSON: lower-case hex, two digits an octet."""
    return serial.to_bytes(max(1, (serial.bit_length() + 7) // 8), "big").hex()


def _attributes(name: x509.Name) -> tuple[SubjectAttribute, ...]:
    return tuple(
        SubjectAttribute(
            SHORT_TYPES.get(each.oid.dotted_string, each.oid.dotted_string), str(each.value)
        )
        for each in name
    )


def _signature_name(read: x509.Certificate) -> str:
    from cryptography.hazmat.bindings._rust import ObjectIdentifier

    oid: ObjectIdentifier = read.signature_algorithm_oid
    return str(getattr(oid, "_name", oid.dotted_string))


def _extension_facts(extensions: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if ski := extensions.get("2.5.29.14"):
        facts["key_identifier"] = ski.digest
    if aki := extensions.get("2.5.29.35"):
        facts["authority_key_identifier"] = aki.key_identifier
    if constraints := extensions.get("2.5.29.19"):
        facts["is_ca"], facts["path_length"] = constraints.ca, constraints.path_length
    if usage := extensions.get("2.5.29.15"):
        facts["key_usage"] = tuple(name for bit, name in KEY_USAGE if getattr(usage, bit))
    if purposes := extensions.get("2.5.29.37"):
        facts["extended_key_usage"] = tuple(
            PURPOSES.get(each.dotted_string, each.dotted_string) for each in purposes
        )
    if names := extensions.get("2.5.29.17"):
        facts["san"] = tuple(name for each in names if (name := _general_name(each)))
    if limits := extensions.get("2.5.29.30"):
        permitted = [_general_name(each) for each in limits.permitted_subtrees or ()]
        for kind in ("dns", "ip"):
            facts[f"permitted_{kind}"] = tuple(n.value for n in permitted if n and n.kind == kind)
    return facts


def _general_name(name: x509.GeneralName) -> GeneralName | None:
    from cryptography import x509

    kinds: dict[type, str] = {
        x509.DNSName: "dns",
        x509.IPAddress: "ip",
        x509.UniformResourceIdentifier: "uri",
        x509.RFC822Name: "email",
    }
    kind = kinds.get(type(name))
    return None if kind is None else GeneralName(kind, str(name.value))  # type: ignore[arg-type]
