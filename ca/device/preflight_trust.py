"""Preflight of the trust file: does it lead to a root, and will the device accept it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ca.device.trust import name_of
from ca.device.upload import Upload
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, attempt
from ca.model.certificates import CertificateFacts
from ca.model.findings import Violation, cases, rule
from ca.verification import chain_to_root, is_self_signed, unverifiable_issuer


@rule("preflight-chain", "error", "RFC 5280 6.1; targets 3", basis="vendor")
@cases(
    "The issuing CA, then the root.",
    "The root alone, although an issuing CA signed the certificate.",
)
def chain(upload: Upload) -> Iterator[Violation]:
    """The trust file leads from the device certificate to a self-signed root, in that order.

    A server sends its chain with its certificate, so there the trust file may be the root alone.
    A file with the CAs of other certificates, too, as after a rotation, has no one order.
    """
    if upload.trust is None:
        return
    members, page = (*_sent_with(upload), *upload.trust.members), upload.target.pages.trust
    issuers, is_complete = chain_to_root(upload.device.facts, members)
    unverifiable = None if issuers else unverifiable_issuer(upload.device.facts, members)
    if unverifiable is not None:
        yield Violation(
            f"sipca cannot verify whether '{name_of(unverifiable)}' signed the certificate: it "
            f"does not support {upload.device.facts.signature_algorithm} with this key",
            "have it signed with an RSA or EC key, which devices support",
        )
    elif not issuers:
        yield Violation(
            f"'{upload.trust.name}' lacks the CA that signed the certificate "
            f"({_name(upload.device.facts.issuer)})",
            f"{page}: the issuing CA belongs there too; sipca chain writes both",
        )
    elif not is_complete:
        yield Violation(
            f"'{upload.trust.name}' does not lead to a self-signed root: "
            f"'{_name(issuers[-1].issuer)}' is missing",
            f"{page}: import the root as well",
        )
    else:
        places = [members.index(each) for each in issuers]
        is_one_chain = all(each in issuers for each in upload.trust.members)
        if is_one_chain and places != sorted(places):
            yield Violation(
                f"'{upload.trust.name}' is in the wrong order: each certificate must be signed by "
                "the next, the root last",
                "sipca chain writes them in order",
            )


def _sent_with(upload: Upload) -> list[CertificateFacts]:
    """The certificates after the first in a server's file; a device's page takes one alone."""
    if not upload.target.server_files:
        return []
    read = [attempt(read_certificate, each.der) for each in upload.device.bundle.members[1:]]
    return [facts for facts in read if not isinstance(facts, CAError)]


@rule("preflight-trust", "error", "targets 3", basis="vendor")
@cases(
    "trusted-root.pem as sipca writes it",
    "A file with a leaf, an expired root, a private key or 21 certificates for firmware 7.0.",
)
def trust(upload: Upload) -> Iterator[Violation]:
    """The trust file is PEM, fits into the store, and holds valid CA certificates, each once."""
    if upload.trust is None:
        return
    file, page, limit = upload.trust, upload.target.pages.trust, upload.target.trust.limit
    if file.bundle.form not in upload.target.files.formats:
        yield Violation(
            f"'{file.name}' is {file.bundle.form.upper()}, not PEM", f"{page}: upload PEM"
        )
    if file.bundle.keys:
        yield Violation(
            f"'{file.name}' holds a private key at line {file.bundle.keys[0]}",
            "remove it, and treat the key as exposed",
        )
    if len(file.members) > limit:
        yield Violation(
            f"'{file.name}' holds {len(file.members)} certificates; the store of this device "
            f"holds {limit}",
            "leave out what this context's peers do not need; sipca trust build counts",
        )
    for facts in file.members:
        if not facts.is_ca and not is_self_signed(facts):
            yield Violation(
                f"'{facts.cn}' in '{file.name}' is not a CA certificate: a client's certificate "
                "beside its CA switches the web password off",
                f"{page}: import only CA certificates",
            )
        if not facts.validity.not_before <= upload.at <= facts.validity.not_after:
            yield Violation(
                f"'{facts.cn}' in '{file.name}' is not valid at {upload.at:%Y-%m-%d}",
                "leave it out",
            )
    counts = Counter(facts.fingerprint for facts in file.members)
    for facts in dict.fromkeys(each for each in file.members if counts[each.fingerprint] > 1):
        yield Violation(f"'{facts.cn}' is in '{file.name}' twice", "remove one of them")


def _name(attributes: tuple[object, ...]) -> str:
    return ", ".join(map(str, attributes))
