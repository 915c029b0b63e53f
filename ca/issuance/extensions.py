"""Decide the extensions: they come from the profile, never from the request."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from ca.csr.request import RequestedExtension
from ca.encoding import der
from ca.encoding.extensions import encode_general_names, extension
from ca.encoding.oids import (
    KEY_USAGE_BITS,
    SUBJECT_ALT_NAME,
    SUBJECT_KEY_IDENTIFIER,
    Purpose,
)
from ca.issuance.order import Issuer, Order
from ca.model.account import Decision, FieldAccount, How
from ca.model.certificates import GeneralName
from ca.profiles.profile import Profile

if TYPE_CHECKING:
    from cryptography import x509

_ASKS_TO_BE_CA = ("keyCertSign", "cRLSign", "CA:TRUE")


class Extension(msgspec.Struct, frozen=True):
    """One extension to issue: its RFC 5280 name, its DER, and its value as text."""

    name: str
    raw: bytes
    text: str


def key_identifier(key_bits: bytes) -> bytes:
    """The leftmost 160 bits of SHA-256 over the subjectPublicKey bits (RFC 7093, 2, method 1)."""
    return sha256(key_bits).digest()[:20]


def key_usage(profile: Profile, *, is_rsa: bool) -> tuple[str, ...]:
    """The profile's key usage bits in RFC 5280 spelling; keyEncipherment only for RSA."""
    return tuple(
        KEY_USAGE_BITS[bit]
        for bit in profile.extensions.key_usage
        if is_rsa or bit != "key_encipherment"
    )


def decide_extensions(
    order: Order, san: tuple[GeneralName, ...]
) -> Decision[tuple[Extension, ...]]:
    """All extensions of the certificate, and a line for each that is issued or requested."""
    extensions = _extensions(order, san)
    asked: dict[str, RequestedExtension] = {}
    repeated: list[RequestedExtension] = []
    for requested in order.request.extensions:
        first = asked.setdefault(requested.name, requested)
        if first is not requested and requested.name != "subjectAltName":
            repeated.append(requested)
    source = f"profile {order.profile.name}"
    lines = [
        _line(each, asked.get(each.name), source)
        for each in extensions
        if each.name != "subjectAltName"
    ]
    issued = {each.name for each in extensions}
    lines += [
        FieldAccount(f"extension.{name}", each.text, None, "refused", source)
        for name, each in asked.items()
        if name not in issued and name != "subjectAltName"
    ]
    lines += [
        FieldAccount(f"extension.{each.name}", each.text, None, "refused", "twice")
        for each in repeated
    ]
    return Decision(extensions, tuple(lines))


def _line(issued: Extension, asked: RequestedExtension | None, source: str) -> FieldAccount:
    field = f"extension.{issued.name}"
    if asked is None:
        return FieldAccount(field, None, issued.text, "added", source)
    if asked.text == issued.text:
        return FieldAccount(field, asked.text, issued.text, "taken", source)
    wants_ca = any(word in asked.text for word in _ASKS_TO_BE_CA)
    how: How = "refused" if wants_ca else "changed"
    return FieldAccount(field, asked.text, issued.text, how, "ca-flag" if wants_ca else source)


def _extensions(order: Order, san: tuple[GeneralName, ...]) -> tuple[Extension, ...]:
    key = order.request.key
    before, between, after = _shared_extensions(order.profile, order.issuer, key.algorithm == "rsa")
    identifier = key_identifier(key.bits)
    value = der.tlv(der.OCTET_STRING, identifier)
    ski = extension(SUBJECT_KEY_IDENTIFIER, value, critical=False)
    extensions = [*before, Extension("subjectKeyIdentifier", ski, identifier.hex()), *between]
    if san:
        extensions.append(_subject_alternative_name(san))
    extensions += after
    if order.permit is not None and (order.permit.dns or order.permit.ip):
        extensions.append(_name_constraints(order.permit.dns, order.permit.ip))
    return tuple(extensions)


@lru_cache(maxsize=64)
def _shared_extensions(
    profile: Profile, issuer: Issuer, is_rsa: bool
) -> tuple[tuple[Extension, ...], ...]:
    """Extensions that all certificates of a profile and issuer share.

    Those before the SKI, those between SKI and SAN, and those after the SAN.
    """
    from cryptography import x509

    before = [_basic_constraints(profile), _key_usage(profile, is_rsa=is_rsa)]
    if purposes := profile.extensions.extended_key_usage:
        before.append(_extended_key_usage(purposes))
    between, after = [], []
    if issuer.facts is not None:
        identifier = issuer.facts.key_identifier or key_identifier(issuer.key.bits)
        value = x509.AuthorityKeyIdentifier(identifier, None, None)
        between.append(_encode("authorityKeyIdentifier", value, identifier.hex()))
    if profile.extensions.ocsp_nocheck:
        after.append(_encode("ocspNoCheck", x509.OCSPNoCheck(), "NULL"))
    elif issuer.base_url and issuer.facts is not None:
        after += _locations(issuer.base_url, issuer.ca_id)
    return tuple(before), tuple(between), tuple(after)


def _encode(
    name: str, value: x509.ExtensionType, text: str, *, critical: bool = False
) -> Extension:
    raw = extension(value.oid.dotted_string, value.public_bytes(), critical=critical)
    return Extension(name, raw, text)


def _basic_constraints(profile: Profile) -> Extension:
    from cryptography import x509

    is_ca = profile.role in ("root", "issuing")
    length = profile.extensions.path_length
    text = "CA:TRUE" if is_ca else "CA:FALSE"
    if length is not None:
        text += f", pathlen {length}"
    value = x509.BasicConstraints(is_ca, length)
    return _encode("basicConstraints", value, text, critical=True)


def _key_usage(profile: Profile, *, is_rsa: bool) -> Extension:
    from cryptography import x509

    names = key_usage(profile, is_rsa=is_rsa)
    value = x509.KeyUsage(**{bit: name in names for bit, name in KEY_USAGE_BITS.items()})
    return _encode("keyUsage", value, ", ".join(names), critical=True)


def _extended_key_usage(purposes: tuple[Purpose, ...]) -> Extension:
    from cryptography import x509

    value = x509.ExtendedKeyUsage([x509.ObjectIdentifier(purpose.oid) for purpose in purposes])
    return _encode("extendedKeyUsage", value, ", ".join(purpose.label for purpose in purposes))


def _subject_alternative_name(names: tuple[GeneralName, ...]) -> Extension:
    value = der.sequence(encode_general_names(names))
    raw = extension(SUBJECT_ALT_NAME, value, critical=False)
    return Extension("subjectAltName", raw, ", ".join(map(str, names)))


def _locations(base_url: str, ca_id: str) -> list[Extension]:
    """Where a verifier finds the CRL, the OCSP responder and the issuer's certificate."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    crl, issuer, ocsp = f"{base_url}/crl/{ca_id}.crl", f"{base_url}/ca/{ca_id}.cer", f"{base_url}/"
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl)], None, None, None)
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(oid, x509.UniformResourceIdentifier(url))
            for oid, url in (
                (AuthorityInformationAccessOID.OCSP, ocsp),
                (AuthorityInformationAccessOID.CA_ISSUERS, issuer),
            )
        ]
    )
    return [
        _encode("cRLDistributionPoints", x509.CRLDistributionPoints([point]), crl),
        _encode("authorityInfoAccess", access, f"OCSP {ocsp}, CA issuers {issuer}"),
    ]


def _name_constraints(dns: tuple[str, ...], ip: tuple[str, ...]) -> Extension:
    """Permitted names; an IP version without permitted networks is excluded, or all would pass."""
    import ipaddress

    from cryptography import x509

    permitted: list[x509.GeneralName] = [x509.DNSName(name) for name in dns]
    permitted += [x509.IPAddress(ipaddress.ip_network(net)) for net in ip]
    excluded = [
        x509.IPAddress(network)
        for network in (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
        if not any(ipaddress.ip_network(net).version == network.version for net in ip)
    ]
    value = x509.NameConstraints(permitted, excluded or None)
    text = ", ".join([*(f"dns:{name}" for name in dns), *(f"ip:{net}" for net in ip)])
    return _encode("nameConstraints", value, f"permitted {text}", critical=True)
