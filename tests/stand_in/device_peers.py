"""How the stand-in for a device judges its peers: by purpose, by its clock, by OCSP.

Sections are those of ``profiles/targets/README.md``. What is not known there is a switch.

    strict      4: a client has clientAuth; which extensions are looked at is inferred
    clock       4: without NTP certificates are not valid yet, or no more
    OCSP        5: asked of each peer's certificate, never of the own one; primary, then secondary
                server; port 2560; the Default Response where none answers
    by GET      5: whether the device asks by GET or POST is not known: ``by_get``
    a nonce     5: whether it sends one is not known: ``with_nonce``
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

WAIT = 2
"""Seconds for one server; the device's are not known."""


@dataclass
class OCSPFields:
    """The fields of the page: "Primary OCSP Server", "OCSP Port", "OCSP Default Response"."""

    primary: str
    secondary: str = ""
    port: int = 2560
    allow: bool = False
    by_get: bool = False
    with_nonce: bool = False


def judge_peer(
    der: bytes,
    trusted: Sequence[str],
    fields: OCSPFields | None,
    *,
    now: datetime,
    strict: bool,
) -> None:
    """Take a peer's certificate or not.

    Raises:
        ssl.SSLError: it is not taken.
    """
    leaf = x509.load_der_x509_certificate(der)
    if strict:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
            raise ssl.SSLError("no clientAuth")
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise ssl.SSLError("not valid at this time")
    if fields is not None and not _is_good(leaf, trusted, fields):
        raise ssl.SSLError("not good by OCSP")


def _is_good(leaf: x509.Certificate, trusted: Sequence[str], fields: OCSPFields) -> bool:
    (issuer,) = (
        each
        for each in map(x509.load_pem_x509_certificate, map(str.encode, trusted))
        if each.subject == leaf.issuer and _is_issued_by(leaf, each)
    )
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1())
    if fields.with_nonce:
        builder = builder.add_extension(x509.OCSPNonce(bytes(16)), critical=False)
    request = builder.build().public_bytes(Encoding.DER)
    for server in filter(None, (fields.primary, fields.secondary)):
        with contextlib.suppress(OSError, ValueError, InvalidSignature, http.client.HTTPException):
            answer = ocsp.load_der_ocsp_response(_asked(server, request, fields))
            if answer.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL:
                _check_signature(answer, issuer)
                return answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    return fields.allow


def _asked(server: str, request: bytes, fields: OCSPFields) -> bytes:
    connection = http.client.HTTPConnection(server, fields.port, timeout=WAIT)
    with contextlib.closing(connection):
        if fields.by_get:
            connection.request("GET", f"/{base64.b64encode(request).decode()}")
        else:
            kind = {"Content-Type": "application/ocsp-request"}
            connection.request("POST", "/", request, kind)
        return connection.getresponse().read(1 << 16)


def _check_signature(answer: ocsp.OCSPResponse, issuer: x509.Certificate) -> None:
    signer = answer.certificates[0] if answer.certificates else issuer
    if signer != issuer:
        usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if not _is_issued_by(signer, issuer) or ExtendedKeyUsageOID.OCSP_SIGNING not in usage:
            raise ValueError("not signed by a responder of the issuer")
    algorithm = answer.signature_hash_algorithm
    assert algorithm is not None
    key, signed = signer.public_key(), (answer.signature, answer.tbs_response_bytes)
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(*signed, padding.PKCS1v15(), algorithm)
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(*signed, ec.ECDSA(algorithm))
    assert answer.next_update_utc is not None
    if not answer.this_update_utc <= datetime.now(UTC) <= answer.next_update_utc:
        raise ValueError("not an answer of today")


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, InvalidSignature, TypeError):
        return False
    return True
