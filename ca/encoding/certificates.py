"""Decode a certificate into ``CertificateFacts``."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from ca.encoding import der
from ca.encoding.extension_facts import Extensions, extension_facts, read_extensions
from ca.encoding.oids import ATTRIBUTE_TYPES, COMMON_NAME, SIGNATURES
from ca.encoding.remarks import Remarks
from ca.encoding.strings import tolerant_text
from ca.encoding.times import tolerant_validity
from ca.errors import MalformedError
from ca.model.certificates import CertificateFacts, SubjectAttribute

MAX_SERIAL = 20
"""The most octets of a serial number (RFC 5280, 4.1.2.2)."""
LAST_VERSION = 3
_COMMON_NAME = der.oid_contents(COMMON_NAME)


def read_certificate(data: bytes) -> CertificateFacts:
    """Decode a certificate (RFC 5280, 4.1), as tolerantly as openssl does.

    What is odd, and what does not decode, is listed in the ``odd`` and ``faults`` of the facts.

    Raises:
        MalformedError: it is not a certificate, or its serial number, names, validity or key
            cannot be located.
    """
    algorithm, fields = _outline(data)
    remarks = Remarks()
    version = _version(fields, remarks)
    serial, _, issuer, validity, subject, spki = fields[:6]
    span = tolerant_validity(validity, remarks)
    extensions = read_extensions(fields[6:], version, remarks)
    facts = extension_facts(extensions, remarks)
    signature, parameters = _algorithm(algorithm.raw)
    names = _read_name(subject, "subject", remarks), _read_name(issuer, "issuer", remarks)
    serial_hex = _serial(serial, remarks)
    odd, faults = remarks.collected()
    return CertificateFacts(
        der=data,
        serial=serial_hex,
        subject=names[0],
        issuer=names[1],
        subject_der=subject.raw,
        issuer_der=issuer.raw,
        spki=spki.raw,
        validity=span,
        fingerprint=sha256(data).hexdigest(),
        signature_algorithm=SIGNATURES.get(signature, signature),
        signature_parameters=parameters,
        version=version,
        odd=odd,
        faults=faults,
        **facts,
    )


def extensions_of(data: bytes) -> Extensions:
    """Criticality and value of each extension of a certificate, by OID.

    Raises:
        MalformedError: it is not a certificate.
    """
    _, fields = _outline(data)
    version = _version(fields, Remarks())
    return read_extensions(fields[6:], version, Remarks())


def _outline(data: bytes) -> tuple[der.Node, list[der.Node]]:
    """The outer signatureAlgorithm, and the fields of the TBSCertificate.

    Raises:
        MalformedError: it is not a certificate.
    """
    try:
        outer = der.read(data)
        parts = outer.children()
        tags = [part.tag for part in parts]
        fields = parts[0].children() if parts else []
    except MalformedError:
        raise MalformedError("the certificate is cut off or damaged") from None
    if outer.tag != der.SEQUENCE or tags != [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING]:
        raise MalformedError("this is not a certificate: it is not a signed structure")
    tags_of_fields = [field.tag for field in fields if field.tag != 0xA0][:6]
    if tags_of_fields != [der.INTEGER, *[der.SEQUENCE] * 5]:
        raise MalformedError("this is not a certificate: it lacks serial, names, validity or key")
    return parts[1], fields


def _version(fields: list[der.Node], remarks: Remarks) -> int:
    """The version as people count it, 1 to 3; its field is removed from ``fields``."""
    if fields[0].tag != 0xA0:
        return 1
    version = 0
    with remarks.part("its version", fatal=True):
        version = der.integer(der.read(fields.pop(0).contents)) + 1
    if version == 1:
        remarks.odd("its version is encoded although it is 1, the default")
    elif not 1 < version <= LAST_VERSION:
        remarks.fault(f"its version is {_shown(version)}, but {LAST_VERSION} is the highest")
    return version


def _shown(number: int) -> str:
    return str(number) if abs(number) < 1_000_000 else "beyond a million"


def _serial(node: der.Node, remarks: Remarks) -> str:
    if not node.contents:
        remarks.fault("its serial number is empty", fatal=True)
        return ""
    number = der.integer(node)
    if number <= 0:
        remarks.odd(f"its serial number is {'zero' if number == 0 else 'negative'}")
    elif len(node.contents) > MAX_SERIAL:
        remarks.odd(f"its serial number has {len(node.contents)} octets, more than {MAX_SERIAL}")
    return serial_text(number)


@lru_cache(maxsize=256)
def _algorithm(raw: bytes) -> tuple[str, bytes]:
    """OID and parameters of an AlgorithmIdentifier; "unknown" if it does not decode."""
    try:
        identifier, *rest = der.split(raw)
        return der.oid(der.read(identifier)), rest[0] if rest else b""
    except (MalformedError, ValueError):
        return "unknown", b""


def _read_name(node: der.Node, what: str, remarks: Remarks) -> tuple[SubjectAttribute, ...]:
    attributes, notes, complete = _name(node.raw)
    for sentence, readable in notes:
        if readable:
            remarks.odd(f"its {what}'s {sentence}")
        else:
            remarks.fault(f"its {what}'s {sentence}", fatal=True)
    if not complete:
        remarks.fault(f"its {what} does not decode", fatal=True)
    return attributes


@lru_cache(maxsize=256)
def _name(raw: bytes) -> tuple[tuple[SubjectAttribute, ...], tuple[tuple[str, bool], ...], bool]:
    """The attributes of a name, notes on what is odd about them, and whether all were decoded.

    A note is a sentence, and whether openssl can read the attribute.
    """
    attributes: list[SubjectAttribute] = []
    notes: list[tuple[str, bool]] = []
    try:
        for rdn in der.read(raw).children():
            for attribute in rdn.children():
                kind, value = attribute.children()
                oid = der.oid(kind)
                short = ATTRIBUTE_TYPES.get(oid, oid)
                text, odd, readable = tolerant_text(value)
                attributes.append(SubjectAttribute(short, text))
                if odd is not None:
                    notes.append((f"{short} {odd}", readable))
    except (MalformedError, ValueError):
        return tuple(attributes), tuple(notes), False
    return tuple(attributes), tuple(notes), True


def common_name(tbs: bytes) -> str | None:
    """The first CN of a TBSCertificate that sipca built, whose strings are UTF-8.

    Raises:
        MalformedError: it is not a TBSCertificate.
    """
    return _common_name(der.fields_of(tbs)[5])


@lru_cache(maxsize=256)
def _common_name(name: bytes) -> str | None:
    for rdn in der.split(name):
        for attribute in der.split(rdn):
            kind, value = der.read(attribute).children()
            if kind.contents == _COMMON_NAME:
                return value.contents.decode("utf-8", "replace")
    return None


def serial_text(serial: int) -> str:
    """A serial number for people and JSON: lower-case hex, two digits an octet."""
    size = abs(serial)
    text = size.to_bytes(max(1, (size.bit_length() + 7) // 8), "big").hex()
    return f"-{text}" if serial < 0 else text
