"""A CA for one folder of fixtures: root, issuing, and the CAs that only fixtures need."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from ca.encoding import der
from ca.encoding.certificates import read_certificate
from ca.encoding.crl import entry
from ca.encoding.der import OCTET_STRING, encode_integer, encode_oid, sequence, tlv
from ca.encoding.oids import CRL_NUMBER
from ca.encoding.times import encode_time
from ca.issuance.extensions import key_identifier
from ca.issuance.issue import issue
from ca.keys.public import PublicKey
from ca.keys.signer import algorithm_identifier
from ca.keys.throwaway import SHA1_WITH_RSA, ThrowawayKey, ThrowawayPair, generate_throwaway
from ca.model.certificates import Validity
from ca.model.status import KEY_COMPROMISE
from ca.profiles.fixture import Change
from ca.revocation.ocsp import OCSPResponder, Responder, Revoked
from ca.revocation.presign import requests_for

if TYPE_CHECKING:
    from cryptography import x509

MARK = "sipca FIXTURE - trust nowhere"
"""In the O of every subject, so that nobody mistakes them for the real CA's."""


class ThrowawayCA(msgspec.Struct, frozen=True):
    """A CA of the folder: its key, its certificate and its issuers' certificates."""

    key: ThrowawayKey
    certificate: bytes
    above: tuple[bytes, ...] = ()


class Limits(msgspec.Struct, frozen=True):
    """A CA certificate's limits for those below it."""

    path_length: int | None = None
    permitted: str | None = None


def make_ca(
    cn: str, parent: ThrowawayCA | None, limits: Limits, *, now: datetime, serial: int
) -> ThrowawayCA:
    """A CA below another, or a self-signed root."""
    from cryptography import x509

    key = generate_throwaway()
    validity = Validity(now - timedelta(days=2), now + timedelta(days=365))
    builder = _start(cn, key, parent, validity, serial)
    builder = builder.add_extension(x509.BasicConstraints(True, limits.path_length), critical=True)
    builder = builder.add_extension(_usage(ca=True), critical=True)
    if limits.permitted is not None:
        permitted = [x509.DNSName(limits.permitted)]
        builder = builder.add_extension(x509.NameConstraints(permitted, None), critical=True)
    above = () if parent is None else (parent.certificate, *parent.above)
    return ThrowawayCA(key, _signed(builder, (parent.key if parent else key)), above)


def make_leaf(
    change: Change, issuer: ThrowawayCA, key: ThrowawayPair, *, now: datetime, serial: int
) -> bytes:
    """An end-entity certificate with a fixture's fault."""
    from cryptography import x509

    begin = now + timedelta(days=change.not_before_days)
    validity = Validity(begin, now + timedelta(days=change.not_after_days))
    builder = _start(change.cn, key, issuer, validity, serial)
    builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
    usage = _usage(ca=False, encipherment=key.public.algorithm == "rsa")
    builder = builder.add_extension(usage, critical=True)
    purposes = [x509.ObjectIdentifier(purpose.oid) for purpose in change.purposes]
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if change.names:
        names = x509.SubjectAlternativeName([_general_name(each) for each in change.names])
        builder = builder.add_extension(names, critical=change.san_critical)
    if change.signature == "sha1":
        return _signed_with_sha1(builder, issuer.key)
    return _signed(builder, issuer.key)


def make_crl(ca: ThrowawayCA, revoked: list[bytes], *, now: datetime) -> bytes:
    """A CRL of a fixture's CA; serials as octets."""
    from cryptography import x509

    subject = x509.load_der_x509_certificate(ca.certificate).subject.public_bytes()
    entries = sequence(*(entry(serial, now, KEY_COMPROMISE) for serial in sorted(revoked)))
    number = sequence(encode_oid(CRL_NUMBER), tlv(OCTET_STRING, encode_integer(1)))
    tbs = sequence(
        encode_integer(1),
        ca.key.signer.algorithm,
        subject,
        encode_time(now - timedelta(days=1)),
        encode_time(now + timedelta(days=365)),
        entries if revoked else b"",
        tlv(0xA0, sequence(number)),
    )
    return der.signed(tbs, ca.key.signer.algorithm, ca.key.signer.sign(tbs))


def ocsp_answer(ca: ThrowawayCA, serial: bytes, *, revoked: bool, now: datetime) -> bytes:
    """The answer of a fixture's CA, signed by itself (RFC 6960, 4.2.2.2), about one certificate."""
    facts = read_certificate(ca.certificate)
    bits = ca.key.public.bits
    responder = Responder(
        issuer_id=1,
        issuer_name=facts.subject_der,
        issuer_key_bits=bits,
        signer=ca.key.signer,
        certificate=ca.certificate,
        key_bits=bits,
        since=facts.validity.not_before,
        until=facts.validity.not_after,
    )
    request = next(requests_for(responder, int.from_bytes(serial, "big"))).request

    def status_of(_issuer: int, _serial: int) -> Revoked | Literal["good", "unknown"]:
        return Revoked(now - timedelta(days=1), KEY_COMPROMISE) if revoked else "good"

    until = now + timedelta(days=90)
    return OCSPResponder([responder]).answer(request, status_of, at=now, until=until).der


def _start(
    cn: str, key: ThrowawayPair, issuer: ThrowawayCA | None, validity: Validity, serial: int
) -> x509.CertificateBuilder:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, cn),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, MARK),
        ]
    )
    above = subject
    if issuer is not None:
        above = x509.load_der_x509_certificate(issuer.certificate).subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above)
        .public_key(load_der_public_key(key.public.spki))  # type: ignore[arg-type]
        .serial_number(serial)
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
        .add_extension(x509.SubjectKeyIdentifier(key_identifier(key.public.bits)), critical=False)
    )
    if issuer is None:
        return builder
    identifier = key_identifier(issuer.key.public.bits)
    return builder.add_extension(
        x509.AuthorityKeyIdentifier(identifier, None, None), critical=False
    )


def _signed(builder: x509.CertificateBuilder, key: ThrowawayKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    unsigned = builder.create_unsigned().public_bytes(Encoding.DER)
    return issue(with_algorithm(unsigned, key.public), key.signer, key.public).der


def _signed_with_sha1(builder: x509.CertificateBuilder, key: ThrowawayKey) -> bytes:
    """Sign with SHA-1, which ``issuance.issue`` never does (decision 20)."""
    from cryptography.hazmat.primitives.serialization import Encoding

    unsigned = builder.create_unsigned().public_bytes(Encoding.DER)
    fields = [node.raw for node in der.read(unsigned).children()[0].children()]
    fields[2] = SHA1_WITH_RSA
    tbs = sequence(*fields)
    return der.signed(tbs, SHA1_WITH_RSA, key.signer.sign_sha1(tbs))


def _usage(*, ca: bool, encipherment: bool = False) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(not ca, False, encipherment, False, False, ca, ca, False, False)


def _general_name(text: str) -> x509.GeneralName:
    from cryptography import x509

    kind, _, value = text.partition(":")
    if kind == "ip":
        return x509.IPAddress(ipaddress.ip_address(value))
    return x509.DNSName(value)


def with_algorithm(unsigned: bytes, issuer_key: PublicKey) -> bytes:
    """``create_unsigned`` writes id-alg-unsigned (RFC 9925) where the real identifier belongs."""
    tbs = der.read(unsigned).children()[0]
    fields = [node.raw for node in tbs.children()]
    fields[2] = algorithm_identifier(issuer_key)
    return der.sequence(*fields)
