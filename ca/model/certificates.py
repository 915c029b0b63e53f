"""The parts of requests and certificates, as text and numbers."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Literal, cast, get_args

import msgspec

NameKind = Literal["dns", "ip", "uri", "email"]
NAME_KINDS = cast(tuple[NameKind, ...], get_args(NameKind))


class GeneralName(msgspec.Struct, frozen=True, order=True, gc=False):
    """One subjectAltName entry (RFC 5280, 4.2.1.6) of the four kinds that a device page offers.

    ``value`` is the text that the certificate will have; for ``ip`` the address in its canonical
    text form. A value need not be valid: the rules of ``ca.names`` judge that.
    """

    kind: NameKind
    value: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


class SubjectAttribute(msgspec.Struct, frozen=True, gc=False):
    """One attribute of a distinguished name: short type ("CN", "O", or a dotted OID) and text."""

    type: str
    value: str

    def __str__(self) -> str:
        """The attribute as RFC 4514 writes it, so that a value cannot look like two attributes."""
        return f"{self.type}={escape_value(self.value)}"


_SPECIAL = re.compile(r'[\\,+"<>;]|^[ #]| $')


@lru_cache(maxsize=1024)
def escape_value(value: str) -> str:
    """Escape the characters of an attribute value that separate attributes (RFC 4514, 2.4)."""
    return _SPECIAL.sub(r"\\\g<0>", value).replace("\0", "\\00")


class Validity(msgspec.Struct, frozen=True, gc=False):
    """A validity period, both ends included (RFC 5280, 4.1.2.5); whole seconds, aware UTC."""

    not_before: datetime
    not_after: datetime


class Fault(msgspec.Struct, frozen=True):
    """A part of a certificate that cannot be decoded, or that contradicts another.

    ``fatal``: every verifier refuses the certificate because of it.
    """

    sentence: str
    fatal: bool = False

    def __str__(self) -> str:
        return self.sentence


def subject_text(subject: tuple[SubjectAttribute, ...]) -> str:
    """A subject for people, its attributes in encoding order: ``CN=sbc1, O=Lab``.

    Values are escaped as in RFC 4514: ``CN=sbc1\\, O=Lab`` is one attribute.
    """
    return ", ".join(str(attribute) for attribute in subject)


def cn_of(subject: tuple[SubjectAttribute, ...]) -> str | None:
    """The first commonName of a subject, or None."""
    return next((attribute.value for attribute in subject if attribute.type == "CN"), None)


class CertificateFacts(msgspec.Struct, frozen=True):
    """A decoded certificate: text for people, octets for comparing.

    ``serial`` is lower-case hex, two digits an octet; ``fingerprint`` is the SHA-256 in hex; key
    usage and purposes are named as in RFC 5280. ``odd`` lists what was decoded although its
    encoding is not what X.509 requires, ``faults`` what could not be decoded.
    """

    der: bytes
    serial: str
    subject: tuple[SubjectAttribute, ...]
    issuer: tuple[SubjectAttribute, ...]
    subject_der: bytes
    issuer_der: bytes
    validity: Validity
    spki: bytes
    fingerprint: str
    signature_algorithm: str
    san: tuple[GeneralName, ...] = ()
    san_critical: bool = False
    key_identifier: bytes | None = None
    authority_key_identifier: bytes | None = None
    is_ca: bool = False
    path_length: int | None = None
    key_usage: tuple[str, ...] = ()
    extended_key_usage: tuple[str, ...] = ()
    permitted_dns: tuple[str, ...] = ()
    permitted_ip: tuple[str, ...] = ()
    signature_parameters: bytes = b""
    version: int = 3
    odd: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def cn(self) -> str | None:
        """The first commonName, or None."""
        return cn_of(self.subject)
