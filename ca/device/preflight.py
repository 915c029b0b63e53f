"""Preflight: will the device accept these files, and its peers this certificate?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import msgspec

from ca.device.peer_names import (
    matches_proxy_set,
    matches_service_identity,
    matches_sip_domain,
    sip_identities,
)
from ca.device.preflight_names import NAME_RULES, without_port_and_dot
from ca.device.preflight_reading import encoding, repaired, unreadable
from ca.device.preflight_trust import chain, trust
from ca.device.upload import Upload
from ca.errors import BugError
from ca.model.findings import Basis, Finding, Violation, cases, rule, run_all
from ca.names.hosts import is_factory_name, is_mac, looks_like_host
from ca.profiles.target import Target
from ca.verification import has_weak_hash

APPLE_DAYS = 825


@rule("preflight-form", "error", "targets 2", basis="vendor")
@cases(
    "sbc1-device.pem as sipca writes it",
    "A DER file, or one with a byte order mark.",
)
def form(upload: Upload) -> Iterator[Violation]:
    """The device certificate's file is PEM of plain ASCII, without a private key."""
    file, pages = upload.device, upload.target.pages
    if file.bundle.form not in upload.target.files.formats:
        yield Violation(
            f"'{file.name}' is {file.bundle.form.upper()}, but {pages.device} takes PEM",
            f"openssl x509 -inform der -in {file.name} -out device.pem"
            if file.bundle.form == "der"
            else f"convert {file.bundle.form} to PEM with sipca trust build or a text editor",
        )
    if file.bundle.keys:
        yield Violation(
            f"'{file.name}' holds a private key at line {file.bundle.keys[0]}",
            f"remove it: {pages.device} takes only a certificate",
        )
    if file.has_bom or not file.is_ascii:
        yield Violation(
            f"'{file.name}' is not plain ASCII text" + (" (byte order mark)" * file.has_bom),
            "save it as ASCII without a byte order mark, or export it again",
        )


@rule("preflight-chain-in-device-file", "warning", "targets 2; targets 10", basis="inferred")
@cases("The device certificate alone.", "Leaf and issuer in one file.")
def chain_in_device_file(upload: Upload) -> Violation | None:
    """The device certificate is alone in its file, where a chain is not known to be taken."""
    file, pages = upload.device, upload.target.pages
    if not upload.target.files.one_block or len(file.bundle.members) < 2:
        return None
    return Violation(
        f"'{file.name}' holds {len(file.bundle.members)} certificates: it is not known whether "
        f"{pages.device} takes more than one",
        f"upload the device certificate alone; the others belong to {pages.trust}",
    )


@rule("preflight-text", "warning", "targets 2", basis="inferred")
@cases(
    "A file that begins with the BEGIN line.",
    "The text dump of openssl x509 -text above the block.",
)
def text(upload: Upload) -> Iterator[Violation]:
    """Nothing surrounds the PEM block, and the file ends with a line end."""
    file = upload.device
    if file.bundle.strays:
        yield Violation(
            f"'{file.name}' has text outside its block at line {file.bundle.strays[0]}",
            "leave only the lines from BEGIN to END",
        )
    if not file.ends_with_newline:
        yield Violation(f"'{file.name}' has no line end after its END line", "add a line end")


@rule("preflight-key", "error", "targets 2", basis="vendor")
@cases(
    "The CSR on the device now is the one that was signed.",
    "A new key was generated on the device after the CSR was copied.",
)
def key(upload: Upload) -> Iterator[Violation]:
    """The certificate's key is the key of the given CSR, key file or device."""
    own_key = upload.device.key
    for other in upload.keys:
        if own_key is None or other.identity != own_key.identity:
            yield Violation(
                f"the certificate's key is not that of {other.label}",
                f"{upload.target.pages.status} would not say OK: sign the CSR of the key that is "
                "on the device now",
            )


@rule("preflight-weak-key", "error", "targets 1", basis="inferred")
@cases("RSA 2048", "RSA 1024, the default of old firmware")
def weak_key(upload: Upload) -> Violation | None:
    """The key is large enough for the target."""
    own_key, facts = upload.device.key, upload.target.key
    if own_key is None or own_key.algorithm != "rsa" or own_key.size >= facts.smallest_rsa:
        return None
    return Violation(
        f"the key is {own_key.label}, smaller than RSA {facts.smallest_rsa}",
        f"{facts.page or 'the device'}: create a key of {facts.smallest_rsa} bits, then a new CSR",
    )


@rule("preflight-key-kind", "warning", "targets 1", basis="inferred")
@cases("RSA 2048 for audiocodes-7.4", "EC P-256 for audiocodes-7.4, of which no document speaks")
def key_kind(upload: Upload) -> Violation | None:
    """The key is of a type that the target is known to accept."""
    own_key, known = upload.device.key, upload.target.key.kinds
    if own_key is None or own_key.algorithm in known:
        return None
    return Violation(
        f"it is not known whether this device accepts {own_key.label} keys",
        "use RSA 2048, which is known to work",
    )


@rule("preflight-weak-hash", "error", "RFC 9155; profiles 2")
@cases(
    "sha256WithRSAEncryption", "An intermediate of 2009 that is signed with sha1WithRSAEncryption."
)
def weak_hash(upload: Upload) -> Iterator[Violation]:
    """Neither the certificate nor an intermediate is signed with SHA-1 or MD5."""
    members = upload.trust.members if upload.trust else ()
    for facts in (upload.device.facts, *(each for each in members if each.issuer != each.subject)):
        if has_weak_hash(facts):
            yield Violation(
                f"'{facts.cn}' is signed with {facts.signature_algorithm}",
                "have it signed again with SHA-256",
            )


@rule("preflight-san-critical", "error", "targets 4", basis="vendor")
@cases(
    "X509v3 Subject Alternative Name: DNS:sbc1.lab.example",
    "X509v3 Subject Alternative Name: critical, DNS:sbc1.lab.example",
)
def san_critical(upload: Upload) -> Violation | None:
    """The SAN is not critical.

    The device rejects calls when a critical SAN matches no Proxy Set.
    """
    if not upload.device.facts.san_critical:
        return None
    return Violation(
        "the SAN is marked critical: a device that verifies peer names rejects the call when no "
        "SAN equals a Proxy Set address",
        "sign it again with a profile of sipca: none marks the SAN critical",
    )


@rule("preflight-san", "error", "RFC 9525 6; targets 1")
@cases("dns:sbc1.lab.example, ip:10.4.0.20", "email:sbc1.lab.example or dns:10.4.0.20")
def san(upload: Upload) -> Iterator[Violation]:
    """The certificate has a SAN, and each name in it has the right type."""
    pages, facts = upload.target.pages, upload.device.facts
    if not facts.san and not _is_known_by_cn(upload):
        yield Violation(
            "the certificate has no SAN", f"{pages.csr}: fill in a SAN, or sign with --san"
        )
    for name in facts.san:
        if name.kind == "email" and "@" not in name.value:
            yield Violation(
                f"the SAN email '{name.value}' has no '@': its selector was left at EMAIL",
                f"{pages.csr}: choose DNS for it and create a new CSR, or sign with --fix-san",
            )
        if name.kind == "dns" and name.value.replace(".", "").isdigit():
            yield Violation(
                f"the SAN dns '{name.value}' is an IP address in a DNS slot",
                f"{pages.csr}: choose IP for it, or sign with --fix-san",
            )


def _is_known_by_cn(upload: Upload) -> bool:
    """Whether this is a phone's, which 802.1X and provisioning know by the MAC in its CN."""
    cn = upload.device.facts.cn
    return upload.target.request.mac_is_name and cn is not None and is_mac(cn)


@rule("preflight-cn", "error", "targets 8; targets 4", basis="inferred")
@cases("CN=sbc1.lab.example with dns:sbc1.lab.example", "CN=ACL_482913, or a CN that the SAN lacks")
def cn(upload: Upload) -> Iterator[Violation]:
    """The subject has a CN that is not a factory name; if it is a host name, the SAN repeats it."""
    facts, page = upload.device.facts, upload.target.pages.csr
    if not facts.cn:
        yield Violation(
            "the subject has no CN", f"{page}, field Subject Name [CN]: enter the host name"
        )
    elif is_factory_name(facts.cn) and _is_known_by_cn(upload):
        return
    elif is_factory_name(facts.cn):
        yield Violation(
            f"the CN '{facts.cn}' is a factory name that no peer dials",
            f"{page}, field Subject Name [CN]: enter the host name; or sign with --cn",
        )
    elif looks_like_host(facts.cn) and not any(
        matches_service_identity((without_port_and_dot(each),), facts.cn) for each in facts.san
    ):
        yield Violation(f"the CN '{facts.cn}' is not in the SAN", f"{page}: repeat it as a SAN")


@rule("preflight-purposes", "error", "RFC 5280 4.2.1.12; targets 8", basis="inferred")
@cases(
    "serverAuth and clientAuth for a context that calls and is called",
    "serverAuth alone for the same context",
)
def purposes(upload: Upload) -> Iterator[Violation]:
    """The certificate's purposes and key usage allow what its TLS context does."""
    facts = upload.device.facts
    needed = {"both": ("serverAuth", "clientAuth"), "server": ("serverAuth",)}.get(
        upload.role, ("clientAuth",)
    )
    for purpose in needed:
        if facts.extended_key_usage and purpose not in facts.extended_key_usage:
            side = "called" if purpose == "serverAuth" else "calling"
            yield Violation(
                f"the certificate has no {purpose}: a peer refuses the device when it is {side}, "
                "under strict extension validation",
                "sign with the profile sip, or give --role if the context does only one of both",
            )
    if facts.key_usage and "digitalSignature" not in facts.key_usage:
        yield Violation("key usage lacks digitalSignature", "sign with a profile of sipca")
    own_key = upload.device.key
    is_rsa = own_key is not None and own_key.algorithm == "rsa"
    serves = facts.key_usage and is_rsa and upload.role != "client"
    if serves and "keyEncipherment" not in facts.key_usage:
        yield Violation(
            "key usage lacks keyEncipherment, which old RSA cipher suites need",
            "sign with a profile of sipca",
        )
    if facts.is_ca:
        yield Violation("this is a CA certificate, not a device's", "give the device certificate")


@rule("preflight-validity", "error", "RFC 5280 4.1.2.5; targets 4", basis="vendor")
@cases(
    "It began yesterday and ends in two years.",
    "The device's clock says 1970, because NTP is not set.",
)
def validity(upload: Upload) -> Iterator[Violation]:
    """The certificate is valid by the device's clock."""
    span, now = upload.device.facts.validity, upload.at
    if now < span.not_before:
        yield Violation(
            f"it is not valid before {span.not_before:%Y-%m-%d %H:%M}Z, but the device's clock "
            f"says {now:%Y-%m-%d %H:%M}Z",
            "set NTP on the device, or sign with a longer --backdate",
        )
    if now > span.not_after:
        yield Violation(f"it expired on {span.not_after:%Y-%m-%d}", "sign it again")


@rule("preflight-alarm", "warning", "targets 4", basis="vendor")
@cases(
    "825 days are left, and the alarm looks 60 days ahead.",
    "30 days are left: the alarm is raised at once.",
)
def alarm(upload: Upload) -> Violation | None:
    """More time is left than the device's expiry alarm looks ahead."""
    facts, span = upload.target.alarm, upload.device.facts.validity
    days = facts.start_days + facts.period_days
    left = span.not_after - upload.at
    if not facts.start_days or left > timedelta(days=days) or left < timedelta(0):
        return None
    return Violation(
        f"{left.days} d are left, and the expiry alarm starts at {facts.start_days} d: it would "
        "be raised at once",
        f"sign for more than {days} d, or lower TLS Expiry Check Start on the device",
    )


@rule("preflight-apple", "warning", "Apple 103769; targets 8")
@cases(
    "A certificate for 825 days.",
    "A certificate for ten years on a web page that is opened on an iPhone.",
)
def apple(upload: Upload) -> Violation | None:
    """A server certificate lives at most 825 days, the most that Apple's programs accept."""
    facts = upload.device.facts
    days = (facts.validity.not_after - facts.validity.not_before).days
    if days < APPLE_DAYS + 1 or "serverAuth" not in facts.extended_key_usage:
        return None
    return Violation(
        f"it is valid for {days} d: Apple's programs refuse web pages above {APPLE_DAYS} d",
        "sign with the profile https, or a shorter --lifetime, if it also serves the web page",
    )


@rule("preflight-peer", "error", "targets 4; RFC 9525 6.3", basis="vendor")
@cases(
    "Peers dial 10.4.0.20, and the SAN has ip:10.4.0.20.",
    "Peers dial 10.4.0.20, and the SAN has dns:sbc1.lab.example alone.",
)
def peer(upload: Upload) -> Iterator[Violation]:
    """What peers dial is in the SAN, and equals it as the device and RFC 9525 compare names."""
    facts = upload.device.facts
    for dialled in upload.peers:
        if not matches_proxy_set(facts, dialled):
            yield Violation(
                f"no name of the certificate equals '{dialled}', the address in a peer's Proxy Set",
                f"{upload.target.pages.csr}: add it as a SAN, or change the Proxy Set's address",
            )
        elif not matches_service_identity(facts.san, dialled):
            yield Violation(
                f"'{dialled}' is only in the CN: peers that follow RFC 9525 look only at the SAN",
                "repeat it in the SAN",
            )


@rule("preflight-sip-uri", "warning", "RFC 5922 7.1")
@cases(
    "uri:sip:lab.example, and peers dial lab.example",
    "uri:sip:lab.example, and peers dial sbc1.lab.example, which is only a DNS name",
)
def sip_uri(upload: Upload) -> Iterator[Violation]:
    """If the SAN has a sip: URI, there is one for each name that peers dial."""
    facts = upload.device.facts
    identities, hidden = sip_identities(facts)
    dialled = upload.peers or tuple(each.value for each in facts.san if each.kind == "dns")
    unmatched = [each for each in dialled if not matches_sip_domain(facts, each)]
    if hidden and unmatched:
        yield Violation(
            f"beside sip:{identities[0]} a strict SIP peer (RFC 5922) does not look at "
            f"{', '.join(unmatched)}",
            "add a URI SAN sip:NAME for each, or remove the SIP URI",
        )


RULES = (
    unreadable, repaired, encoding,
    form, chain_in_device_file, text, key, weak_key, key_kind, weak_hash, san_critical, san,
    *NAME_RULES, cn, purposes,
    validity, alarm, apple, chain, trust, peer, sip_uri,
)  # fmt: skip
_BASIS_OF: dict[str, Callable[[Target], Basis]] = {
    "preflight-form": lambda target: target.files.basis,
    "preflight-weak-key": lambda target: target.key.basis,
    "preflight-key-kind": lambda target: target.key.basis,
    "preflight-alarm": lambda target: target.alarm.basis,
    "preflight-trust": lambda target: target.trust.basis,
}
"""Rules whose findings have the basis of a table in the target."""


def preflight(upload: Upload, *, on_bug: Callable[[BugError], None] | None = None) -> list[Finding]:
    """Run all rules; each finding has the basis of its facts, and a failing rule stops no other."""
    findings = []
    for finding in run_all(RULES, upload, on_bug):
        basis_of = _BASIS_OF.get(finding.code)
        basis = finding.basis if basis_of is None else basis_of(upload.target)
        findings.append(msgspec.structs.replace(finding, basis=basis))
    return findings
