"""Read an OCSP request (RFC 6960, 4.1; nonce: RFC 9654) strictly, since it is untrusted input."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from ca.encoding import oids
from ca.encoding.der import (
    BOOLEAN,
    INTEGER,
    NULL,
    OCTET_STRING,
    OID,
    SEQUENCE,
    Node,
    encode_integer,
    encode_oid,
    integer,
    oid,
    read,
    sequence,
    tlv,
)
from ca.errors import MalformedError

MAX_CERT_IDS = 32
MAX_REQUEST = 16 * 1024
"""The most octets of a request; 32 CertIDs with SHA-512 need some 6 KiB."""
MAX_NONCE = 128
_USUAL_NONCES = (16, 32)
"""Octets of the nonces of OpenSSL and of RFC 9654, 2.1."""
_USUAL_REQUEST = 512
"""Octets that a request for one or two CertIDs with a nonce fits in; a longer one is read anew."""
_LONGEST_CERT_ID = 192
"""Octets that a CertID with SHA-512 and a serial of 20 octets fits in; longer ones are junk."""

_EXPLICIT_0, _EXPLICIT_1, _EXPLICIT_2 = 0xA0, 0xA1, 0xA2


class CertID(msgspec.Struct, frozen=True):
    """Identifies a certificate; ``raw`` are the octets received, which the response repeats."""

    raw: bytes
    hash_oid: str
    name_hash: bytes
    key_hash: bytes
    serial: int


class OCSPRequest(msgspec.Struct, frozen=True):
    """A parsed request. ``nonce`` is the extension's value, an encoded OCTET STRING, or None."""

    cert_ids: tuple[CertID, ...]
    nonce: bytes | None

    def question(self) -> bytes | None:
        """The octets that determine the answer, to be used as a cache key.

        None if the answer must not be cached: it has a nonce, or a CertID that is not DER, which
        could be encoded in endless ways. As a CertID is returned as received, NULL and absent
        parameters give different keys.
        """
        if self.nonce is not None or not all(_is_der(each) for each in self.cert_ids):
            return None
        return b"".join(each.raw for each in self.cert_ids)


def read_ocsp_request(data: bytes) -> OCSPRequest:
    """Read the CertIDs and the nonce of a request; a signature is permitted and not verified.

    Raises:
        MalformedError: it is not a request, has more than 32 CertIDs, a nonce that is not valid,
            or an unknown critical extension.
    """
    for size in _USUAL_NONCES:
        if data[-size - 2 : -size] == bytes((OCTET_STRING, size)) and len(data) <= _USUAL_REQUEST:
            cert_ids = _asked_before_nonce(data[:-size], size)
            if cert_ids is not None:
                return OCSPRequest(cert_ids, data[-size - 2 :])
    cert_ids, nonce = _read(data)
    return OCSPRequest(cert_ids, None if nonce is None else nonce.contents)


@lru_cache(maxsize=1024)
def _asked_before_nonce(data: bytes, size: int) -> tuple[CertID, ...] | None:
    """The CertIDs of a request whose last octets, so many, are its nonce; None if they are not.

    Which octets they are changes nothing else, so what comes before them is read once for all.
    """
    try:
        cert_ids, nonce = _read(data + bytes(size))
    except MalformedError:
        return None
    is_last = nonce is not None and (nonce.body, nonce.end) == (len(data) - 2, len(data) + size)
    return cert_ids if is_last else None


def _read(data: bytes) -> tuple[tuple[CertID, ...], Node | None]:
    """The CertIDs of a request, and its nonce."""
    if len(data) > MAX_REQUEST:
        raise MalformedError(f"an OCSP request has at most {MAX_REQUEST} octets")
    outer = _sequence(read(data, what="the OCSP request"))
    if not 1 <= len(outer) <= 2 or (len(outer) == 2 and outer[1].tag != _EXPLICIT_0):
        raise MalformedError("the OCSP request is not one TBSRequest with an optional signature")
    fields = _sequence(outer[0])
    version = _optional(fields, _EXPLICIT_0)
    if version is not None and integer(_inside(version)) != 0:
        raise MalformedError("the OCSP request is not of version 1")
    _optional(fields, _EXPLICIT_1)  # requestorName is not used
    asked = _optional(fields, SEQUENCE)
    requests = [] if asked is None else _sequence(asked)
    if not 1 <= len(requests) <= MAX_CERT_IDS:
        raise MalformedError(f"an OCSP request asks for 1 to {MAX_CERT_IDS} certificates")
    extensions = _optional(fields, _EXPLICIT_2)
    if fields:
        raise MalformedError("the OCSP request has fields that RFC 6960 does not define")
    cert_ids = tuple(_cert_id(each) for each in requests)
    return cert_ids, None if extensions is None else _request_extensions(_inside(extensions))


def _optional(fields: list[Node], tag: int) -> Node | None:
    """Remove and return the next field if it has this tag."""
    return fields.pop(0) if fields and fields[0].tag == tag else None


def _cert_id(request: Node) -> CertID:
    fields = _sequence(request)
    if not 1 <= len(fields) <= 2 or (len(fields) == 2 and fields[1].tag != _EXPLICIT_0):
        raise MalformedError("a Request is not one CertID with optional extensions")
    if len(fields) == 2:
        for name, critical, _ in _extensions(_inside(fields[1])):
            if critical:
                raise MalformedError(
                    f"the critical single-request extension {name} is not supported"
                )
    return read_cert_id(fields[0].raw)


def read_cert_id(raw: bytes) -> CertID:
    """Read a CertID from its DER; cached, since the same few are asked for again and again.

    Raises:
        MalformedError: it is not a CertID.
    """
    return _cached_cert_id(raw) if len(raw) <= _LONGEST_CERT_ID else _read_cert_id(raw)


@lru_cache(maxsize=1024)
def _cached_cert_id(raw: bytes) -> CertID:
    return _read_cert_id(raw)


def _read_cert_id(raw: bytes) -> CertID:
    parts = _sequence(read(raw, what="the CertID"))
    if [part.tag for part in parts] != [SEQUENCE, OCTET_STRING, OCTET_STRING, INTEGER]:
        raise MalformedError("a CertID is not an algorithm, two hashes and a serial number")
    algorithm = parts[0].children()
    is_plain = len(algorithm) == 1 or (
        len(algorithm) == 2 and algorithm[1].tag == NULL and not algorithm[1].contents
    )
    if not is_plain:
        raise MalformedError("a CertID's hash algorithm has parameters that are not NULL")
    return CertID(
        raw,
        oid(algorithm[0]),
        parts[1].contents,
        parts[2].contents,
        integer(parts[3]),
    )


def _is_der(cert_id: CertID) -> bool:
    """Whether a CertID is encoded as DER, with NULL parameters or without parameters."""
    fields = (
        tlv(OCTET_STRING, cert_id.name_hash)
        + tlv(OCTET_STRING, cert_id.key_hash)
        + encode_integer(cert_id.serial)
    )
    algorithm = encode_oid(cert_id.hash_oid)
    return cert_id.raw in (
        sequence(sequence(algorithm + tlv(NULL, b"")) + fields),
        sequence(sequence(algorithm) + fields),
    )


def _request_extensions(node: Node) -> Node | None:
    """The nonce, if there is one."""
    nonce = None
    for name, critical, value in _extensions(node):
        if name == oids.OCSP_NONCE:
            inner = read(value.contents, what="the nonce")
            if inner.tag != OCTET_STRING or not 1 <= len(inner.contents) <= MAX_NONCE:
                raise MalformedError(f"the nonce is not 1 to {MAX_NONCE} octets (RFC 9654, 2.1)")
            nonce = value
        elif name == oids.OCSP_ACCEPTABLE_RESPONSES:
            if oids.OCSP_BASIC not in {oid(each) for each in _sequence(read(value.contents))}:
                raise MalformedError("the requester does not accept basic OCSP responses")
        elif critical and name != oids.OCSP_PREFERRED_ALGORITHMS:
            raise MalformedError(f"the critical request extension {name} is not supported")
    return nonce


def _extensions(node: Node) -> list[tuple[str, bool, Node]]:
    """OID, criticality and value of each extension; one that occurs twice is an error."""
    extensions: list[tuple[str, bool, Node]] = []
    for extension in _sequence(node):
        parts = _sequence(extension)
        tags = [part.tag for part in parts]
        if tags not in ([OID, OCTET_STRING], [OID, BOOLEAN, OCTET_STRING]):
            raise MalformedError("an extension of the OCSP request is not well formed")
        critical = len(parts) == 3 and parts[1].contents not in (b"", b"\x00")
        name = oid(parts[0])
        if name in {known for known, _, _ in extensions}:
            raise MalformedError(f"the OCSP request has the extension {name} twice")
        extensions.append((name, critical, parts[-1]))
    return extensions


def _sequence(node: Node) -> list[Node]:
    if node.tag != SEQUENCE:
        raise MalformedError(f"the OCSP request has no SEQUENCE at octet {node.start}")
    return node.children()


def _inside(node: Node) -> Node:
    children = node.children()
    if len(children) != 1:
        raise MalformedError(
            f"the OCSP request does not have exactly one value at octet {node.start}"
        )
    return children[0]


def responders_of(certificate: bytes, issuer: bytes) -> tuple[tuple[str, ...], bytes]:
    """The OCSP responders that a certificate names (RFC 5280, 4.2.2.1), and a request for it.

    Both are of this CA, so that they can be read.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import ocsp
    from cryptography.x509.oid import AuthorityInformationAccessOID

    leaf = x509.load_der_x509_certificate(certificate)
    above = x509.load_der_x509_certificate(issuer)
    try:
        access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return (), b""
    urls = tuple(
        each.access_location.value
        for each in access
        if each.access_method == AuthorityInformationAccessOID.OCSP
    )
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, above, SHA1())  # noqa: S303 - RFC 5019, 2.1.1
    return urls, builder.build().public_bytes(Encoding.DER)
