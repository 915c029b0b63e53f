"""The form in which a request is kept: without the value of its challengePassword.

A challengePassword (RFC 2985, 5.4.1) is a secret between device and CA. Emptied of it, a request
is kept without its signature too: with that, whoever reads the register could try passwords until
one verifies. The hash of a request is therefore that of its kept form.
"""

from __future__ import annotations

from ca.csr.request import CertificateRequest
from ca.encoding import der
from ca.encoding.oids import CHALLENGE_TYPE
from ca.encoding.strings import tolerant_text
from ca.errors import MalformedError

_OID = der.encode_oid(CHALLENGE_TYPE)
_LONGEST = 255
"""Characters of a challengePassword (RFC 2985, 5.4.1)."""


def kept_form(request: CertificateRequest) -> bytes:
    """The octets to keep: those received, unless they hold a challengePassword."""
    if _OID[2:] not in request.der:  # nearly always
        return request.der
    info, algorithm, _ = der.signed_parts(request.der, what="the CSR")
    *fields, attributes = info.children()
    parts = attributes.children() if attributes.tag == 0xA0 else []
    if not any(map(is_challenge, parts)):
        return request.der
    emptied = b"".join(_EMPTIED if is_challenge(each) else each.raw for each in parts)
    kept = der.sequence(*(each.raw for each in fields), der.tlv(attributes.tag, emptied))
    return der.signed(kept, algorithm.raw, b"")


_EMPTIED = der.sequence(_OID, der.tlv(der.SET, b""))


def is_emptied(request: CertificateRequest) -> bool:
    """Whether a request is a kept form that lost its challengePassword, and so its signature."""
    return not request.signature and _EMPTIED in request.der


def challenge_of(request: CertificateRequest) -> str | None:
    """The challengePassword in a request, or None if it has none that can be read."""
    if _OID[2:] not in request.der:
        return None
    info, _, _ = der.signed_parts(request.der, what="the CSR")
    for attribute in info.children()[-1].children():
        if is_challenge(attribute):
            try:
                text = tolerant_text(attribute.children()[1].children()[0])[0]
            except (MalformedError, IndexError):
                return None
            return text[:_LONGEST]
    return None


def is_challenge(attribute: der.Node) -> bool:
    """Whether an attribute of a request is a challengePassword, well formed or not."""
    try:
        return der.oid(attribute.children()[0]) == CHALLENGE_TYPE
    except (MalformedError, IndexError):
        return _OID[2:] in attribute.raw[: len(_OID) + 8]
