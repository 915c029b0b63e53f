"""Rules about the certificate that a peer serves: is it the one that the register expects?"""

from __future__ import annotations

from collections.abc import Iterator

from ca.device.diagnosis import Case, Known
from ca.device.peer_names import matches_proxy_set, matches_service_identity
from ca.model.certificates import CertificateFacts, cn_of
from ca.model.findings import Violation, cases, rule
from ca.names.hosts import is_factory_name
from ca.names.text import printable
from ca.verification import is_self_issued, issued_by


@rule("doctor-superseded", "error", "decision 12; targets 2")
@cases(
    "The peer serves the certificate that was signed last for it.",
    "It still serves the one before: the new one was not uploaded, or into another context.",
)
def superseded(case: Case) -> Violation | None:
    """The peer serves no certificate that another superseded."""
    served = case.served
    if served is None or served.status != "superseded":
        return None
    upload = f"sipca export {served.successor[:12]} --out DIR" if served.successor else ""
    return Violation(
        f"serves serial {served.serial[:12]}, which {served.place} got{_on(served.signed_at)} and "
        f"which was superseded{_on(served.ended_at)}: the new certificate "
        f"{(served.successor or '')[:12]} is not {_where(case, served)}",
        f"upload it: {upload}; {case.target.pages.device}",
        serial=served.serial,
        device=served.device,
        context=served.context,
    )


@rule("doctor-revoked", "error", "RFC 5280 6.1.3 (a)")
@cases("The certificate served is valid.", "It was revoked last week and is still served.")
def revoked(case: Case) -> Violation | None:
    """The certificate that the peer serves is neither revoked nor held."""
    served = case.served
    if served is None or served.status not in ("revoked", "held"):
        return None
    state = "on hold" if served.status == "held" else f"revoked ({served.reason})"
    return Violation(
        f"serves serial {served.serial[:12]} of {served.place}, which has been {state} since "
        f"{_day(served.ended_at)}: peers that check CRLs or OCSP refuse it",
        f"sipca release {served.serial[:12]}"
        if served.status == "held"
        else "sign a new CSR of the device and upload the certificate",
        serial=served.serial,
        device=served.device,
        context=served.context,
    )


@rule("doctor-other-place", "error", "targets 4")
@cases(
    "sbc1 serves the certificate that was signed for sbc1.",
    "sbc1 serves the certificate of sbc2, or context 2 that of context 1.",
)
def other_place(case: Case) -> Violation | None:
    """The certificate that the peer serves was signed for this device and context."""
    served = case.served
    if served is None or served.device is None or case.device is None:
        return None
    other_device = served.device.casefold() != case.device.casefold()
    other_context = case.context is not None and served.context not in (None, case.context)
    if not other_device and not other_context:
        return None
    wanted = f"'{printable(case.device)}'"
    if case.context is not None:
        wanted += f" context {case.context}"
    return Violation(
        f"serves serial {served.serial[:12]}, signed for {served.place}, not for {wanted}",
        "which TLS context does this port use? look at the SIP interface's TLS Context Name, and "
        f"at {case.target.pages.device}",
        serial=served.serial,
        device=served.device,
        context=served.context,
    )


@rule("doctor-not-served", "warning", "targets 2")
@cases(
    "The peer serves the current certificate.",
    "It serves another one of ours; the one signed for it is not on it.",
)
def not_served(case: Case) -> Violation | None:
    """The peer serves the newest certificate that was signed for it, where one is on record."""
    served = case.served
    if not case.expected or served is None or served.status != "valid" or served.device:
        return None
    if served.serial in {each.serial for each in case.expected}:
        return None
    newest = case.expected[0]
    return Violation(
        f"serves serial {served.serial[:12]}, which was signed for no device; the one of "
        f"{newest.place} is {newest.serial[:12]}",
        f"sipca device set {printable(case.device or 'NAME')} --certificate {served.serial[:12]} "
        f"if that is meant; else upload {newest.serial[:12]}",
        serial=served.serial,
    )


@rule("doctor-factory", "error", "targets 1", basis="inferred")
@cases("CN=sbc1.lab.example, issued by a CA", "CN=ACL_482913, issued by itself")
def factory(case: Case) -> Violation | None:
    """The peer does not serve the certificate that it left the factory with."""
    leaf = case.leaf
    if leaf is None or case.served is not None or not (leaf.cn and is_factory_name(leaf.cn)):
        return None
    return Violation(
        f"serves its factory certificate '{printable(leaf.cn)}': none of ours is in this context",
        f"{case.target.pages.csr}: make a CSR, sign it, upload it at {case.target.pages.device}",
    )


@rule("doctor-foreign", "error", "RFC 5280 6.1.3 (a)")
@cases("Its issuer is a CA of this home.", "It is signed by another CA, or by itself.")
def foreign(case: Case) -> Violation | None:
    """The certificate that the peer serves was issued by this CA."""
    leaf = case.leaf
    if leaf is None or case.served is not None or not case.cas or _is_factory(leaf):
        return None
    if any(issued_by(leaf, ca) for ca in case.cas):
        return Violation(
            f"serves serial {leaf.serial[:12]}, which our CA's key signed and this register does "
            "not know",
            "was the home restored from a backup? sipca restore --cert adds what came after; "
            "sipca import --certificates adds a file",
            serial=leaf.serial,
        )
    by = "itself" if is_self_issued(leaf) else f"'{_issuer_cn(leaf)}'"
    return Violation(
        f"serves '{printable(leaf.cn or '')}', issued by {by}, which is no CA of this home",
        "is the address right? does this port use another TLS context? --home names another CA",
    )


@rule("doctor-validity", "error", "RFC 5280 4.1.2.5")
@cases("Every certificate sent is valid today.", "The certificate expired on Sunday.")
def validity(case: Case) -> Iterator[Violation]:
    """Every certificate that the peer sends is valid now."""
    for facts in case.chain:
        span, name = facts.validity, printable(facts.cn or facts.serial)
        if case.now > span.not_after:
            yield Violation(
                f"'{name}' expired on {span.not_after:%Y-%m-%d}",
                f"sipca renew {facts.serial[:12]} --out DIR, then upload it"
                if facts is case.leaf
                else "sipca ca plan says what the device needs",
                serial=facts.serial,
                not_after=span.not_after,
            )
        elif case.now < span.not_before:
            yield Violation(
                f"'{name}' is not valid before {span.not_before:%Y-%m-%d %H:%M}Z",
                "is the clock of this machine right?",
                serial=facts.serial,
            )


@rule("doctor-name", "error", "RFC 9525 6.3; targets 4")
@cases(
    "Dialled as sbc1.lab.example, with dns:sbc1.lab.example in the SAN.",
    "Dialled as 10.4.0.20, and no SAN has it.",
)
def name(case: Case) -> Violation | None:
    """The name or address that was dialled is in the certificate's SAN."""
    leaf, dialled = case.leaf, case.endpoint.name
    if leaf is None or not dialled or matches_service_identity(leaf.san, dialled):
        return None
    by_device = (
        "a device that compares with its Proxy Set would take it, by the CN or another SAN"
        if matches_proxy_set(leaf, dialled)
        else "a device whose Proxy Set has this address refuses it too"
    )
    kind = (
        "ip"
        if any(char == ":" for char in dialled) or dialled.replace(".", "").isdigit()
        else "dns"
    )
    have = ", ".join(printable(str(each), 60) for each in leaf.san[:5]) or "none"
    return Violation(
        f"the name dialled, '{printable(dialled)}', is in no SAN ({have}); {by_device}",
        f"sign the CSR again with --san {kind}:{printable(dialled)}, or dial a name that it has",
    )


@rule("doctor-san-kind", "error", "targets 1", basis="inferred")
@cases("dns:sbc1.lab.example", "email:sbc1.lab.example")
def san_kind(case: Case) -> Iterator[Violation]:
    """No host name stands in the SAN as an e-mail address, and no address as a host name."""
    for san in case.leaf.san if case.leaf else ():
        if san.kind == "email" and "@" not in san.value:
            yield Violation(
                f"the SAN email '{printable(san.value)}' has no '@': its selector was left at "
                "EMAIL",
                f"{case.target.pages.csr}: choose DNS, or sign the CSR with --fix-san",
            )
        elif san.kind == "dns" and san.value.replace(".", "").isdigit():
            yield Violation(
                f"the SAN dns '{printable(san.value)}' is an IP address",
                f"{case.target.pages.csr}: choose IP, or sign the CSR with --fix-san",
            )


@rule("doctor-purpose", "warning", "RFC 5280 4.2.1.12; targets 8", basis="inferred")
@cases("serverAuth and clientAuth", "serverAuth alone: the device's own calls may be refused")
def purpose(case: Case) -> Iterator[Violation]:
    """The certificate served is for servers, and for clients where the device calls out."""
    purposes = case.leaf.extended_key_usage if case.leaf else ()
    if not purposes:
        return
    if "serverAuth" not in purposes:
        yield Violation(
            "the certificate has no serverAuth: peers that look at purposes refuse it as a "
            "server's",
            "sign with the profile sip",
        )
    if "clientAuth" not in purposes and case.endpoint.service == "sip":
        yield Violation(
            "the certificate has no clientAuth: where the device calls by mutual TLS, peers that "
            "look at purposes refuse it",
            "sign with the profile sip, unless a sip-server certificate is meant",
        )


REGISTER_RULES = (
    superseded, revoked, other_place, not_served, factory, foreign, validity, name, san_kind,
    purpose,
)  # fmt: skip


def _is_factory(leaf: CertificateFacts) -> bool:
    return leaf.cn is not None and is_factory_name(leaf.cn)


def _issuer_cn(leaf: CertificateFacts) -> str:
    return printable(cn_of(leaf.issuer) or "no name")


def _where(case: Case, served: Known) -> str:
    context = case.context if case.context is not None else served.context
    return "on the device" if context is None else f"on context {context}"


def _on(moment: object) -> str:
    return f" on {moment:%Y-%m-%d}" if moment is not None else ""


def _day(moment: object) -> str:
    return f"{moment:%Y-%m-%d}" if moment is not None else "a day unknown"
