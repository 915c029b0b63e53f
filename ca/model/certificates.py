"""What requests and certificates are made of, as text and numbers."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal, cast, get_args

import msgspec

NameKind = Literal["dns", "ip", "uri", "email"]
NAME_KINDS = cast(tuple[NameKind, ...], get_args(NameKind))


class GeneralName(msgspec.Struct, frozen=True, order=True, gc=False):
    """One subjectAltName entry (RFC 5280, 4.2.1.6) of the four kinds that a device page offers.

    ``value`` is text as it will stand in the certificate; for ``ip`` the canonical
    textual address. Nothing says that it is valid: ``ca.names`` judges.
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
        """As RFC 4514 writes it, so that no value passes for several attributes."""
        return f"{self.type}={escaped(self.value)}"


_SPECIAL = re.compile(r'[\\,+"<>;]|^[ #]| $')


def escaped(value: str) -> str:
    """A value with what separates attributes escaped (RFC 4514, 2.4)."""
    return _SPECIAL.sub(r"\\\g<0>", value).replace("\0", "\\00")


class Validity(msgspec.Struct, frozen=True, gc=False):
    """Both ends belong to the period (RFC 5280, 4.1.2.5); whole seconds, aware UTC."""

    not_before: datetime
    not_after: datetime


class Fault(msgspec.Struct, frozen=True):
    """A part of a certificate that cannot be read, or contradicts another.

    ``fatal``: no verifier takes a certificate with it.
    """

    sentence: str
    fatal: bool = False

    def __str__(self) -> str:
        return self.sentence


def subject_text(subject: tuple[SubjectAttribute, ...]) -> str:
    """A subject in the order it is encoded, for people: ``CN=sbc1, O=Lab``.

    Each value is escaped as in RFC 4514: ``CN=sbc1\\, O=Lab`` is one attribute.
    """
    return ", ".join(str(attribute) for attribute in subject)


def cn_of(subject: tuple[SubjectAttribute, ...]) -> str | None:
    """The first commonName of a subject, or None."""
    return next((attribute.value for attribute in subject if attribute.type == "CN"), None)


class CertificateFacts(msgspec.Struct, frozen=True):
    """A certificate taken apart: text for people, octets for comparing.

    ``serial`` is lower-case hex without leading zeros' loss (two digits an octet);
    ``fingerprint`` SHA-256 hex; key usage and purposes in RFC 5280 spelling. ``odd`` says what
    was read though its encoding is not what X.509 says, ``faults`` what could not be read.
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
