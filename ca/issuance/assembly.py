"""Assemble a TBSCertificate from encoded parts (RFC 5280, 4.1).

The library encodes the parts, those that a batch shares only once; we only concatenate them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ca.encoding import der
from ca.encoding.extensions import VERSION_3
from ca.encoding.oids import ATTRIBUTE_TYPES
from ca.encoding.times import encode_time
from ca.issuance.extensions import Extension
from ca.issuance.order import Order
from ca.keys.signer import algorithm_identifier
from ca.model.certificates import SubjectAttribute, Validity

if TYPE_CHECKING:
    from cryptography import x509

OIDS = {short: oid for oid, short in ATTRIBUTE_TYPES.items()}


def assemble(
    order: Order,
    subject: tuple[SubjectAttribute, ...],
    validity: Validity,
    extensions: tuple[Extension, ...],
) -> bytes:
    """The DER of the TBSCertificate (RFC 5280, 4.1).

    It equals what ``CertificateBuilder.create_unsigned`` returns, with the issuer's
    AlgorithmIdentifier put in (a test compares them), but takes a tenth of the time.
    """
    name = _name(subject)
    issuer = order.issuer.facts.subject_der if order.issuer.facts else name
    return der.sequence(
        VERSION_3,
        der.encode_integer(order.serial),
        algorithm_identifier(order.issuer.key),
        issuer,
        encode_validity(validity),
        name,
        order.request.key.spki,
        der.tlv(0xA3, der.sequence(*[each.raw for each in extensions])),
    )


@lru_cache(maxsize=64)
def encode_validity(validity: Validity) -> bytes:
    """The DER of a Validity (RFC 5280, 4.1.2.5)."""
    return der.sequence(encode_time(validity.not_before), encode_time(validity.not_after))


def _name(subject: tuple[SubjectAttribute, ...]) -> bytes:
    from cryptography import x509

    return x509.Name([_rdn(each) for each in subject]).public_bytes()


@lru_cache(maxsize=256)
def _rdn(attribute: SubjectAttribute) -> x509.RelativeDistinguishedName:
    from cryptography import x509

    # no validation: the library counts octets where X.520 counts characters; subjects are checked
    oid = x509.ObjectIdentifier(OIDS[attribute.type])
    name_attribute = x509.NameAttribute(oid, attribute.value, _validate=False)
    return x509.RelativeDistinguishedName([name_attribute])
