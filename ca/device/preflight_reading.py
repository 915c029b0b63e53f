"""Preflight of reading: can a device, which is stricter than sipca, read the files at all?"""

from __future__ import annotations

from collections.abc import Iterator

from ca.device.trust import name_of
from ca.device.upload import Upload
from ca.encoding.oddities import oddities
from ca.model.certificates import CertificateFacts
from ca.model.findings import Violation, cases, rule

_AGAIN = "have its CA issue it again, and report the defect to the CA"


@rule("preflight-unreadable", "error", "RFC 5280 4.1")
@cases("A file that openssl x509 reads.", "A file that was cut off in the middle.")
def unreadable(upload: Upload) -> Iterator[Violation]:
    """Every file can be read, and so can every part of the certificates in it."""
    for file in upload.unread:
        yield Violation(f"{file.label} cannot be read: {file.reason}", file.hint)
    device, trust = upload.device, upload.trust
    for damage in device.bundle.damaged:
        yield Violation(
            f"'{device.name}' line {damage.line}: {damage.reason}", "copy it again, whole"
        )
    if trust is not None:
        for damage in trust.unread:
            yield Violation(f"'{trust.name}' line {damage.line}: {damage.reason}", "leave it out")
    if device.key is None:
        yield Violation("the certificate's public key does not decode", _AGAIN)
    for facts in _certificates(upload):
        for fault in oddities(facts)[1]:
            yield Violation(f"'{name_of(facts)}': {fault}", _AGAIN)


@rule("preflight-encoding", "warning", "RFC 5280 4.1; X.690", basis="inferred")
@cases("DER with a positive serial number", "A negative serial number, or TRUE encoded as 0x01.")
def encoding(upload: Upload) -> Iterator[Violation]:
    """The certificates are encoded as X.509 demands, so that strict readers accept them."""
    for facts in _certificates(upload):
        for sentence in oddities(facts)[0]:
            yield Violation(
                f"'{name_of(facts)}': {sentence}",
                "many programs accept it all the same; strict ones such as Java and Go may not",
            )


@rule("preflight-repaired", "error", "targets 2", basis="vendor")
@cases("sbc1-device.pem as sipca writes it", "A file in UTF-16 from a Windows editor.")
def repaired(upload: Upload) -> Iterator[Violation]:
    """The files could be read without repairs, which no device makes."""
    files = (upload.device,) if upload.trust is None else (upload.device, upload.trust)
    for file in files:
        for sentence in file.bundle.repairs:
            yield Violation(
                f"'{file.name}': {sentence}",
                "a device does not repair: save it as plain PEM, as sipca trust build writes it",
            )


def _certificates(upload: Upload) -> tuple[CertificateFacts, ...]:
    members = upload.trust.members if upload.trust else ()
    known = {upload.device.facts.fingerprint: upload.device.facts}
    for facts in members:
        known.setdefault(facts.fingerprint, facts)
    return tuple(known.values())
