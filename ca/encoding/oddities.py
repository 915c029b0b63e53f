"""Encoding errors of foreign certificates that strict readers refuse.

openssl and most devices accept nearly all of them; Go, Java and Rust do not. Only ``trust build``
and ``preflight`` look for them, so that other reading of certificates stays fast.
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
"""Extensions that sipca does not use, and that hold nested values and text."""
_NO_PARAMETERS = {oid for oid, name in oids.SIGNATURES.items() if name.startswith(("ecdsa", "Ed"))}
"""ECDSA and EdDSA signature algorithms, whose parameters must be absent (RFC 5758, RFC 8410)."""
_URI = 0x86


def oddities(facts: CertificateFacts) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
    """What is odd about a certificate, in sentences, and its faults."""
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
    return remarks.collected()


def _algorithms(inner: der.Node, outer: der.Node, remarks: Remarks) -> None:
    if inner.raw != outer.raw:
        remarks.fault("its signature algorithms inside and outside its TBSCertificate differ")
    for algorithm in (inner, outer):
        identifier, *parameters = algorithm.children()
        if parameters and der.oid(identifier) in _NO_PARAMETERS:
            remarks.odd("its signature algorithm has parameters, which it must not have")


def _texts(by_oid: Extensions, remarks: Remarks) -> None:
    for oid in _TEXTUAL:
        if oid not in by_oid:
            continue
        name = oids.EXTENSIONS.get(oid, oid)
        with remarks.part(f"its {name}"):
            value = der.read(by_oid[oid][1])
            if value.tag != der.SEQUENCE or not value.contents or der.too_deep(value):
                raise MalformedError(f"the {name} is not a list")
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
                remarks.odd(f"its {name} has octets that are not valid in a {TYPE_NAMES[node.tag]}")
        elif node.tag == _URI and not node.contents.isascii():
            remarks.odd(f"its {name} has a URI that is not ASCII")
