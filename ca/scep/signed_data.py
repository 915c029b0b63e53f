"""The outer layer of a message: SignedData (RFC 5652, 5) with one signer and signed attributes.

Reading bounds everything before it looks at anything: size, depth, numbers of parts. BER is taken
(old stacks write indefinite lengths), converted to definite lengths first. asn1crypto decodes
lazily and raises ``ValueError`` or ``TypeError`` for what it does not like; nothing of that leaves
this module.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from asn1crypto import algos, cms, core, x509

from ca.encoding import ber, der, oids
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, MalformedError
from ca.keys.messages import MessageKey, digest
from ca.keys.signatures import Algorithm, hash_name, verify_signature
from ca.model.certificates import CertificateFacts
from ca.scep.failures import FailedCheckError

MAX_MESSAGE = 64 * 1024
"""Octets of a message; a request by RSA 4096 with a chain of four certificates has some 10 KiB."""
MAX_CERTIFICATES, MAX_ATTRIBUTES = 8, 32
_DIGESTS = {
    "md5": "MD5",
    "sha1": "SHA1",
    "sha224": "SHA224",
    "sha256": "SHA256",
    "sha384": "SHA384",
    "sha512": "SHA512",
}
_WORDS = {name: word for word, name in _DIGESTS.items()}


class SignedMessage(msgspec.Struct, frozen=True):
    """A SignedData that was read, its signature not yet verified.

    ``attributes`` has the single value of each signed attribute in DER, by OID; ``signer`` is the
    certificate that the signature names, None if the message does not hold it.
    """

    content: bytes
    attributes: Mapping[str, bytes]
    signed: bytes
    signature: bytes
    algorithm: Algorithm
    hash_name: str | None
    signer: CertificateFacts | None


@contextlib.contextmanager
def decoding(what: str) -> Iterator[None]:
    """Whatever a decoder raises within means that ``what`` is damaged."""
    try:
        yield
    except CAError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
        raise MalformedError(f"{what} is cut off or damaged") from None


def read_signed_data(data: bytes) -> SignedMessage:
    """Read a message's SignedData.

    Raises:
        MalformedError: it is too long, nests too deep, is not a SignedData, or has not exactly one
            signer with signed attributes.
    """
    if len(data) > MAX_MESSAGE:
        raise MalformedError(f"a SCEP message has at most {MAX_MESSAGE} octets")
    plain = ber.to_definite_lengths(data)
    if der.too_deep(der.read(plain)):
        raise MalformedError(f"the message nests more than {der.MAX_DEPTH} levels deep")
    with decoding("the message"):
        outer = cms.ContentInfo.load(plain, strict=True)
        if outer["content_type"].native != "signed_data":
            raise MalformedError("the message is not signed")
        return _signed_message(outer["content"])


def _signed_message(signed: Any) -> SignedMessage:
    signers = signed["signer_infos"]
    if len(signers) != 1:
        raise MalformedError(f"the message has {len(signers)} signers, where SCEP has one")
    signer = signers[0]
    if not isinstance(signer["signed_attrs"], cms.CMSAttributes):
        raise MalformedError("the message has no signed attributes")
    octets = signer["signed_attrs"].dump()
    hashed_by = _DIGESTS.get(signer["digest_algorithm"]["algorithm"].native)
    content = signed["encap_content_info"]["content"]
    return SignedMessage(
        content=b"" if isinstance(content, core.Void) else bytes(content),
        attributes=_attributes(octets),
        signed=bytes((der.SET,)) + octets[1:],
        signature=signer["signature"].native,
        algorithm=_algorithm(signer["signature_algorithm"], hashed_by),
        hash_name=hashed_by,
        signer=_signer(signer["sid"], signed["certificates"]),
    )


def _attributes(octets: bytes) -> dict[str, bytes]:
    nodes = der.read(octets).children()
    if len(nodes) > MAX_ATTRIBUTES:
        raise MalformedError(f"the message has more than {MAX_ATTRIBUTES} signed attributes")
    found: dict[str, bytes] = {}
    for node in nodes:
        kind, values = node.children()
        name = der.oid(kind)
        (value,) = values.children()  # each attribute of SCEP and of CMS has one value
        if name in found:
            raise MalformedError("the message has a signed attribute twice")
        found[name] = value.raw
    return found


def _algorithm(field: Any, hashed_by: str | None) -> Algorithm:
    """How the signature was made; for the bare rsaEncryption the digest's hash is meant."""
    dotted = field["algorithm"].dotted
    if dotted == oids.RSA:
        return Algorithm(f"{_WORDS.get(hashed_by or '', 'unknown')}WithRSAEncryption")
    parameters = b"" if isinstance(field["parameters"], core.Void) else field["parameters"].dump()
    return Algorithm(oids.SIGNATURES.get(dotted, dotted), parameters)


def _signer(sid: Any, certificates: Any) -> CertificateFacts | None:
    if isinstance(certificates, core.Void):
        return None
    if len(certificates) > MAX_CERTIFICATES:
        raise MalformedError(f"the message has more than {MAX_CERTIFICATES} certificates")
    if any(each.name != "certificate" for each in certificates):
        raise MalformedError("the message has certificates that are not of X.509")
    facts = [read_certificate(each.chosen.dump()) for each in certificates]
    named = {each.der: each for each in facts if is_named(each, sid)}
    if len(named) > 1:
        raise MalformedError("the message has two certificates of one issuer and serial number")
    return next(iter(named.values()), None)


def is_named(facts: CertificateFacts, identifier: Any) -> bool:
    """Whether a SignerIdentifier or RecipientIdentifier names this certificate."""
    if identifier.name == "subject_key_identifier":
        return bool(facts.key_identifier == identifier.chosen.native)
    issuer, serial = identifier.chosen["issuer"].dump(), identifier.chosen["serial_number"].native
    return bool(issuer == facts.issuer_der and der.serial_octets(serial).hex() == facts.serial)


def check_signature(message: SignedMessage) -> CertificateFacts:
    """Verify digest and signature; returns the signer's certificate, which nobody vouches for.

    Raises:
        FailedCheckError: they do not hold, or the message has no certificate of its signer.
    """
    if message.signer is None:
        raise FailedCheckError("badMessageCheck", "the message has no certificate of its signer")
    assert message.hash_name is not None, "checked by Leniency"
    stated = message.attributes.get(oids.MESSAGE_DIGEST)
    if stated != der.tlv(der.OCTET_STRING, digest(message.content, hashed_by=message.hash_name)):
        raise FailedCheckError("badMessageCheck", "the message's digest is not that of its content")
    if hash_name(message.algorithm) != message.hash_name:
        raise FailedCheckError(
            "badAlg",
            f"the message's digest is by {message.hash_name}, and its signature by "
            f"{message.algorithm.name}",
        )
    verified = verify_signature(
        message.signer.spki, message.algorithm, message.signature, message.signed
    )
    if not verified:
        raise FailedCheckError("badMessageCheck", "the message's signature does not verify")
    return message.signer


def make_signed_data(
    content: bytes,
    attributes: Mapping[str, bytes],
    *,
    key: MessageKey,
    certificate: bytes,
    hashed_by: str,
) -> bytes:
    """Sign attributes and content as SignedData in DER, with the signer's certificate.

    Without a pkcsPKIEnvelope (RFC 8894, 3.3.2) the content is there, of no octets: left out, it has
    the same digest, but OpenSSL, and so certmonger, verifies no such message ("no content").
    """
    stated = {
        oids.CONTENT_TYPE: der.encode_oid(oids.DATA),
        oids.MESSAGE_DIGEST: der.tlv(der.OCTET_STRING, digest(content, hashed_by=hashed_by)),
        **attributes,
    }
    encoded = sorted(
        der.sequence(der.encode_oid(name), der.tlv(der.SET, value))
        for name, value in stated.items()
    )
    signed = der.tlv(der.SET, b"".join(encoded))
    held = x509.Certificate.load(certificate)
    hash_field = algos.DigestAlgorithm({"algorithm": _WORDS[hashed_by], "parameters": core.Null()})
    name = cms.IssuerAndSerialNumber({"issuer": held.issuer, "serial_number": held.serial_number})
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier("issuer_and_serial_number", name),
            "digest_algorithm": hash_field,
            "signed_attrs": cms.CMSAttributes.load(signed),
            "signature_algorithm": {"algorithm": "rsassa_pkcs1v15", "parameters": core.Null()},
            "signature": key.sign(signed, hashed_by=hashed_by),
        }
    )
    return _wrapped(
        {
            "version": "v1",
            "digest_algorithms": [hash_field],
            "encap_content_info": {"content_type": "data", "content": content},
            "certificates": [held],
            "signer_infos": [signer],
        }
    )


def make_crl_only(crl: bytes) -> bytes:
    """A CRL as a SignedData without signers, in DER (RFC 8894, 3.4)."""
    return _wrapped(
        {
            "version": "v1",
            "digest_algorithms": [],
            "encap_content_info": {"content_type": "data"},
            "crls": cms.RevocationInfoChoices.load(der.tlv(der.SET, crl)),
            "signer_infos": [],
        }
    )


def _wrapped(fields: dict[str, Any]) -> bytes:
    info = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(fields)})
    return bytes(info.dump())
