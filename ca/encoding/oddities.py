"""A closer look at a certificate that other people made: what strict readers refuse in it.

openssl and most devices take nearly all of this; Go, Java and Rust do not. It is for judges of
files (``trust build``, ``preflight``), who ask for it; reading a certificate does not pay for it.
"""

from __future__ import annotations

from ca.encoding import der, oids
from ca.encoding.extension_facts import Extensions, read_extensions
from ca.encoding.remarks import Remarks
from ca.encoding.strings import CODECS, TYPE_NAMES
from ca.errors import MalformedError
from ca.model.certificates import CertificateFacts, Fault

_TEXTUAL = (
    oids.ISSUER_ALT_NAME,
    oids.CRL_DISTRIBUTION_POINTS,
    oids.CERTIFICATE_POLICIES,
    oids.AUTHORITY_INFO_ACCESS,
    oids.SUBJECT_INFO_ACCESS,
)
"""Extensions that nothing here asks for, and that are made of nested values and text."""
_NO_PARAMETERS = {oid for oid, name in oids.SIGNATURES.items() if name.startswith(("ecdsa", "Ed"))}
"""Signature algorithms by ECDSA and EdDSA, whose parameters must be absent (RFC 5758, 8410)."""
_URI = 0x86


def oddities(facts: CertificateFacts) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
    """What is odd about a certificate, in sentences, and what in it does not decode."""
    remarks = Remarks()
    for sentence in facts.odd:
        remarks.odd(sentence)
    for fault in facts.faults:
        remarks.fault(fault.sentence, fatal=fault.fatal)
    with remarks.part("its signature"):
        tbs, outer, _ = der.signed_parts(facts.der, what="the certificate")
        fields = [node for node in tbs.children() if node.tag != 0xA0]
        _algorithms(fields[1], outer, remarks)
        if not facts.issuer and not fields[2].contents:
            remarks.odd("its issuer is empty")
        _texts(read_extensions(fields[6:], facts.version, Remarks()), remarks)
    return remarks.said()


def _algorithms(inner: der.Node, outer: der.Node, remarks: Remarks) -> None:
    if inner.raw != outer.raw:
        remarks.fault("it names two signature algorithms, one inside and one outside")
    for algorithm in (inner, outer):
        identifier, *parameters = algorithm.children()
        if parameters and der.oid(identifier) in _NO_PARAMETERS:
            remarks.odd("its signature algorithm has parameters where none belong")


def _texts(found: Extensions, remarks: Remarks) -> None:
    for oid in _TEXTUAL:
        if oid not in found:
            continue
        name = oids.EXTENSIONS.get(oid, oid)
        with remarks.part(f"its {name}"):
            value = der.read(found[oid][1])
            if value.tag != der.SEQUENCE or not value.contents or der.too_deep(value):
                raise MalformedError(f"the {name} is no list")
            _walk(value, name, remarks)


def _walk(value: der.Node, name: str, remarks: Remarks) -> None:
    pending = [value]
    while pending:
        node = pending.pop()
        if node.tag & 0x20:
            pending += node.children()
        elif node.tag in CODECS:
            try:
                node.contents.decode(CODECS[node.tag])
            except UnicodeDecodeError:
                remarks.odd(f"its {name} holds text that is not what a {TYPE_NAMES[node.tag]} may")
        elif node.tag == _URI and not node.contents.isascii():
            remarks.odd(f"its {name} holds a name that is not ASCII")
