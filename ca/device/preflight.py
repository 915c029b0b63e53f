"""Will the device take these files, and its peers this certificate? One function a rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import msgspec

from ca.device.peer_names import (
    matches_proxy_set,
    matches_service_identity,
    matches_sip_domain,
    sip_identities,
)
from ca.device.preflight_names import NAME_RULES, mended
from ca.device.preflight_reading import encoding, repaired, unreadable
from ca.device.trust import name_of
from ca.device.upload import Upload
from ca.errors import BugError
from ca.model.findings import Basis, Finding, Violation, rule, run_all
from ca.names.hosts import is_factory_name, looks_like_host
from ca.profiles.target import Target
from ca.verification import chain_to_root, has_weak_hash, is_self_signed, unjudged_issuer

APPLE_DAYS = 825


@rule("preflight-form", "error", "audiocodes.md, 2: textual PEM", basis="vendor")
def form(upload: Upload) -> Iterator[Violation]:
    """The device certificate's file is one PEM block, without keys, byte order mark or odd text."""
    file, pages = upload.device, upload.target.pages
    if file.bundle.form not in upload.target.files.formats:
        yield Violation(
            f"'{file.name}' is {file.bundle.form.upper()}, and {pages.device} takes PEM",
            f"openssl x509 -inform der -in {file.name} -out device.pem"
            if file.bundle.form == "der"
            else f"sipca trust build or a text editor makes PEM of {file.bundle.form}",
        )
    if upload.target.files.one_block and len(file.bundle.members) > 1:
        yield Violation(
            f"'{file.name}' holds {len(file.bundle.members)} certificates, where {pages.device} "
            "speaks of one",
            f"upload the device certificate alone; the others belong to {pages.trust}",
        )
    if file.bundle.keys:
        yield Violation(
            f"'{file.name}' holds a private key at line {file.bundle.keys[0]}",
            f"take it out: {pages.device} wants a certificate",
        )
    if file.has_bom or not file.is_ascii:
        yield Violation(
            f"'{file.name}' is not plain ASCII text" + (" (byte order mark)" * file.has_bom),
            "save it as ASCII without a byte order mark, or export it again",
        )


@rule("preflight-text", "warning", "audiocodes.md, 2: file rules", basis="inferred")
def text(upload: Upload) -> Iterator[Violation]:
    """Nothing stands around the PEM block, and the file ends with a line end."""
    file = upload.device
    if file.bundle.strays:
        yield Violation(
            f"'{file.name}' has text outside its block at line {file.bundle.strays[0]}",
            "leave only the lines from BEGIN to END",
        )
    if not file.ends_with_newline:
        yield Violation(f"'{file.name}' has no line end after its END line", "add one")


@rule("preflight-key", "error", "audiocodes.md, 2: Private key must say OK", basis="vendor")
def key(upload: Upload) -> Iterator[Violation]:
    """The certificate is of the key that the CSR, the key file or the device says."""
    found = upload.device.key
    for other in upload.keys:
        if found is None or other.identity != found.identity:
            yield Violation(
                f"the certificate's key is not that of {other.label}",
                f"{upload.target.pages.status} would not say OK: sign the CSR of the key that is "
                "on the device now",
            )


@rule("preflight-weak-key", "error", "audiocodes.md, 1: consequences 2", basis="inferred")
def weak_key(upload: Upload) -> Violation | None:
    """The key is large enough for the target."""
    found, facts = upload.device.key, upload.target.key
    if found is None or found.algorithm != "rsa" or found.size >= facts.smallest_rsa:
        return None
    return Violation(
        f"the key is {found.label}, smaller than RSA {facts.smallest_rsa}",
        f"{facts.page or 'the device'}: make a key of {facts.smallest_rsa} bits, then a new CSR",
    )


@rule("preflight-key-kind", "warning", "audiocodes.md, 1: keys", basis="inferred")
def key_kind(upload: Upload) -> Violation | None:
    """The key is of a kind that the target is known to take."""
    found, known = upload.device.key, upload.target.key.kinds
    if found is None or found.algorithm in known:
        return None
    return Violation(
        f"nothing is known of {found.label} keys on this device", "RSA 2048 is known to work"
    )


@rule("preflight-weak-hash", "error", "RFC 9155; certificates.md, Common rules")
def weak_hash(upload: Upload) -> Iterator[Violation]:
    """Neither the certificate nor an intermediate is signed with SHA-1 or MD5."""
    members = upload.trust.members if upload.trust else ()
    for facts in (upload.device.facts, *(each for each in members if each.issuer != each.subject)):
        if has_weak_hash(facts):
            yield Violation(
                f"'{facts.cn}' is signed with {facts.signature_algorithm}",
                "have it signed again with SHA-256",
            )


@rule("preflight-san-critical", "error", "audiocodes.md, 4: name matching", basis="vendor")
def san_critical(upload: Upload) -> Violation | None:
    """The SAN is not critical: the device rejects calls where one matches no Proxy Set."""
    if not upload.device.facts.san_critical:
        return None
    return Violation(
        "the SAN is marked critical: a device that verifies peer names rejects the call when no "
        "SAN equals a Proxy Set address",
        "sign again without the critical mark; every profile of sipca does",
    )


@rule("preflight-san", "error", "RFC 9525, 6; audiocodes.md, 1: SAN types")
def san(upload: Upload) -> Iterator[Violation]:
    """There is a SAN, and each name stands in the slot of its kind."""
    pages, facts = upload.target.pages, upload.device.facts
    if not facts.san:
        yield Violation("the certificate has no SAN", f"{pages.csr}: fill in a SAN, or --san")
    for each in facts.san:
        if each.kind == "email" and "@" not in each.value:
            yield Violation(
                f"the SAN email '{each.value}' has no '@': its selector was left at EMAIL",
                f"{pages.csr}: choose DNS for it and make a new CSR, or sign with --fix-san",
            )
        if each.kind == "dns" and each.value.replace(".", "").isdigit():
            yield Violation(
                f"the SAN dns '{each.value}' is an IP address in a DNS slot",
                f"{pages.csr}: choose IP for it, or sign with --fix-san",
            )


@rule("preflight-cn", "error", "audiocodes.md, 8: issue 4743; 4: consequences", basis="inferred")
def cn(upload: Upload) -> Iterator[Violation]:
    """There is a CN, it is not factory-made, and as a host name it stands in the SAN too."""
    facts, page = upload.device.facts, upload.target.pages.csr
    if not facts.cn:
        yield Violation("the subject has no CN", f"{page}, field Subject Name [CN]: the host name")
    elif is_factory_name(facts.cn):
        yield Violation(
            f"the CN '{facts.cn}' is a factory name that no peer dials",
            f"{page}, field Subject Name [CN]: the host name; or sign with --cn",
        )
    elif looks_like_host(facts.cn) and not any(
        matches_service_identity((mended(each),), facts.cn) for each in facts.san
    ):
        yield Violation(f"the CN '{facts.cn}' is not in the SAN", f"{page}: repeat it as a SAN")


@rule("preflight-purposes", "error", "RFC 5280, 4.2.1.12; audiocodes.md, 8: EKU", basis="inferred")
def purposes(upload: Upload) -> Iterator[Violation]:
    """The certificate may do what its context does: purposes and key usage."""
    facts = upload.device.facts
    wanted = {"both": ("serverAuth", "clientAuth"), "server": ("serverAuth",)}.get(
        upload.role, ("clientAuth",)
    )
    for purpose in wanted:
        if facts.extended_key_usage and purpose not in facts.extended_key_usage:
            side = "called" if purpose == "serverAuth" else "calling"
            yield Violation(
                f"the certificate has no {purpose}: a peer refuses the device when it is {side}, "
                "under strict extension validation",
                "sign with the profile sip; --role says that the context does only one of both",
            )
    if facts.key_usage and "digitalSignature" not in facts.key_usage:
        yield Violation("key usage lacks digitalSignature", "sign with a profile of sipca")
    found = upload.device.key
    rsa = found is not None and found.algorithm == "rsa"
    serves = facts.key_usage and rsa and upload.role != "client"
    if serves and "keyEncipherment" not in facts.key_usage:
        yield Violation(
            "key usage lacks keyEncipherment, which old RSA cipher suites need",
            "sign with a profile of sipca",
        )
    if facts.is_ca:
        yield Violation("this is a CA certificate, not a device's", "give the device certificate")


@rule("preflight-validity", "error", "RFC 5280, 4.1.2.5; audiocodes.md, 4: Clock", basis="vendor")
def validity(upload: Upload) -> Iterator[Violation]:
    """The certificate is valid by the device's clock."""
    span, now = upload.device.facts.validity, upload.at
    if now < span.not_before:
        yield Violation(
            f"not yet valid: it begins {span.not_before:%Y-%m-%d %H:%M}Z, and the device's clock "
            f"says {now:%Y-%m-%d %H:%M}Z",
            "set NTP on the device, or sign with a longer --backdate",
        )
    if now > span.not_after:
        yield Violation(f"expired on {span.not_after:%Y-%m-%d}", "sign again")


@rule("preflight-alarm", "warning", "audiocodes.md, 4: TLSExpiryCheckStart", basis="vendor")
def alarm(upload: Upload) -> Violation | None:
    """More is left than the device's expiry alarm asks for."""
    facts, span = upload.target.alarm, upload.device.facts.validity
    days = facts.start_days + facts.period_days
    left = span.not_after - upload.at
    if not facts.start_days or left > timedelta(days=days) or left < timedelta(0):
        return None
    return Violation(
        f"{left.days} d are left, and the expiry alarm starts at {facts.start_days} d: it would "
        "be raised at once",
        f"a lifetime of more than {days} d, or lower TLS Expiry Check Start on the device",
    )


@rule("preflight-apple", "warning", "Apple 103769")
def apple(upload: Upload) -> Violation | None:
    """A server certificate lives at most 825 days, or Apple's programs refuse the web page."""
    facts = upload.device.facts
    days = (facts.validity.not_after - facts.validity.not_before).days
    if days < APPLE_DAYS + 1 or "serverAuth" not in facts.extended_key_usage:
        return None
    return Violation(
        f"it lives {days} d: Apple's programs refuse web pages with more than {APPLE_DAYS} d",
        "sign with the profile https, or a shorter --lifetime, if it also serves the web page",
    )


@rule("preflight-chain", "error", "RFC 5280, 6.1; audiocodes.md, 3", basis="vendor")
def chain(upload: Upload) -> Iterator[Violation]:
    """The trust file leads from the device certificate to a self-signed root, in that order."""
    if upload.trust is None:
        return
    members, page = upload.trust.members, upload.target.pages.trust
    issuers, whole = chain_to_root(upload.device.facts, members)
    unjudged = None if issuers else unjudged_issuer(upload.device.facts, members)
    if unjudged is not None:
        yield Violation(
            f"whether '{name_of(unjudged)}' signed the certificate is not known here: "
            f"{upload.device.facts.signature_algorithm}, by its key",
            "have it signed by an RSA or EC key, as devices know them",
        )
    elif not issuers:
        yield Violation(
            f"'{upload.trust.name}' lacks the CA that signed the certificate "
            f"({_name(upload.device.facts.issuer)})",
            f"{page}: the issuing CA belongs there too; sipca chain writes both",
        )
    elif not whole:
        yield Violation(
            f"'{upload.trust.name}' does not lead to a self-signed root: "
            f"'{_name(issuers[-1].issuer)}' is missing",
            f"{page}: import the root as well",
        )
    else:
        places = [members.index(each) for each in issuers]
        if places != sorted(places):
            yield Violation(
                f"'{upload.trust.name}' is in the wrong order: each certificate must be signed by "
                "the next, the root last",
                "sipca chain writes them in order",
            )


@rule("preflight-trust", "error", "audiocodes.md, 3", basis="vendor")
def trust(upload: Upload) -> Iterator[Violation]:
    """The trust file is PEM within the store's limit, without leaves, twins, ended ones, keys."""
    if upload.trust is None:
        return
    file, page, limit = upload.trust, upload.target.pages.trust, upload.target.trust.limit
    if file.bundle.form not in upload.target.files.formats:
        yield Violation(f"'{file.name}' is {file.bundle.form.upper()}, not PEM", f"{page}: PEM")
    if file.bundle.keys:
        yield Violation(
            f"'{file.name}' holds a private key at line {file.bundle.keys[0]}",
            "take it out, and consider the key known to others",
        )
    if len(file.members) > limit:
        yield Violation(
            f"'{file.name}' holds {len(file.members)} certificates; the store of this device "
            f"takes {limit}",
            "leave out what this context's peers do not need; sipca trust build counts",
        )
    for facts in file.members:
        if not facts.is_ca and not is_self_signed(facts):
            yield Violation(
                f"'{facts.cn}' in '{file.name}' is no CA: a client's certificate beside its CA "
                "switches the web password off",
                f"{page}: only CA certificates",
            )
        if not facts.validity.not_before <= upload.at <= facts.validity.not_after:
            yield Violation(
                f"'{facts.cn}' in '{file.name}' is not valid at {upload.at:%Y-%m-%d}",
                "leave it out",
            )
    counts = Counter(facts.fingerprint for facts in file.members)
    for facts in dict.fromkeys(each for each in file.members if counts[each.fingerprint] > 1):
        yield Violation(f"'{facts.cn}' is in '{file.name}' twice", "leave one of them out")


@rule("preflight-peer", "error", "audiocodes.md, 4: name matching; RFC 9525, 6.3", basis="vendor")
def peer(upload: Upload) -> Iterator[Violation]:
    """What peers dial is among the certificate's names, by the device's rule and by RFC 9525."""
    facts = upload.device.facts
    for dialled in upload.peers:
        if not matches_proxy_set(facts, dialled):
            yield Violation(
                f"no name of the certificate equals '{dialled}', as a peer's Proxy Set has it",
                f"{upload.target.pages.csr}: add it as a SAN, or change the Proxy Set's address",
            )
        elif not matches_service_identity(facts.san, dialled):
            yield Violation(
                f"'{dialled}' is only the CN: peers that go by RFC 9525 look at the SAN alone",
                "repeat it in the SAN",
            )


@rule("preflight-sip-uri", "warning", "RFC 5922, 7.1")
def sip_uri(upload: Upload) -> Iterator[Violation]:
    """With a SIP URI in the SAN a strict peer ignores the DNS names: what it dials must be one."""
    facts = upload.device.facts
    identities, hidden = sip_identities(facts)
    dialled = upload.peers or tuple(each.value for each in facts.san if each.kind == "dns")
    missed = [each for each in dialled if not matches_sip_domain(facts, each)]
    if hidden and missed:
        yield Violation(
            f"beside sip:{identities[0]} a strict SIP peer (RFC 5922) does not look at "
            f"{', '.join(missed)}",
            "add a URI SAN sip:NAME for each, or leave the SIP URI out",
        )


RULES = (
    unreadable, repaired, encoding,
    form, text, key, weak_key, key_kind, weak_hash, san_critical, san, *NAME_RULES, cn, purposes,
    validity, alarm, apple, chain, trust, peer, sip_uri,
)  # fmt: skip
_BASIS_OF: dict[str, Callable[[Target], Basis]] = {
    "preflight-form": lambda target: target.files.basis,
    "preflight-weak-key": lambda target: target.key.basis,
    "preflight-key-kind": lambda target: target.key.basis,
    "preflight-alarm": lambda target: target.alarm.basis,
    "preflight-trust": lambda target: target.trust.basis,
}
"""Rules whose basis is that of the target's facts."""


def preflight(upload: Upload, *, on_bug: Callable[[BugError], None] | None = None) -> list[Finding]:
    """Every finding, each with the basis that its facts have; a rule that breaks stops no other."""
    found = []
    for each in run_all(RULES, upload, on_bug):
        basis = _BASIS_OF.get(each.code)
        found.append(
            each if basis is None else msgspec.structs.replace(each, basis=basis(upload.target))
        )
    return found


def _name(attributes: tuple[object, ...]) -> str:
    return ", ".join(map(str, attributes))
