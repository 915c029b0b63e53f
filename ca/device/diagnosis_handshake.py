"""Rules about the handshake itself: versions, the chain sent, alerts, clock, OCSP, SIP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from ca.device.diagnosis import CLOCK_TOLERANCE, Case
from ca.model.certificates import CertificateFacts
from ca.model.findings import Violation, cases, rule
from ca.model.observations import Handshake, alert_text
from ca.names.text import printable
from ca.verification import chain_to_root, is_self_signed, issued_by

_OLD = ("TLS 1.0", "TLS 1.1")
_NEW = ("TLS 1.2", "TLS 1.3")


@rule("doctor-no-tls", "error", "RFC 8446 4.1.3")
@cases("A TLS ServerHello.", "SIP in clear text on the TLS port, or silence.")
def no_tls(case: Case) -> Violation | None:
    """What answers at the address speaks TLS."""
    usual = case.endpoint.usual
    if usual.agreed or usual.alert is not None or any(_agreed(case)):
        return None
    return Violation(
        f"{case.label}: no TLS at port {case.endpoint.port}: {usual.failure}",
        "is this the TLS port (5061), and has the SIP interface a TLS context? A device without a "
        "usable certificate and key may close every handshake: look at "
        f"{case.target.pages.status}",
    )


@rule("doctor-handshake", "error", "RFC 8446 6.2")
@cases("The handshake ends well.", "The peer ends it with alert 40 handshake_failure.")
def handshake(case: Case) -> Violation | None:
    """A handshake comes about, whatever the peer thinks of our certificate."""
    usual = case.endpoint.usual
    if usual.agreed or usual.alert is None:
        return None
    told = alert_text(usual.alert)
    why = {
        40: "it found no cipher or key that both have: a wrong key in the context looks like this",
        70: "it speaks none of the TLS versions that were offered",
        112: f"it knows no server called '{printable(case.endpoint.name)}' (SNI)",
    }.get(usual.alert, "it sent no certificate")
    return Violation(
        f"{case.label} refused the handshake with {told}: {why}",
        f"{case.target.pages.status}: does the private key status say OK?",
    )


@rule("doctor-old-tls", "error", "RFC 8996 4")
@cases("TLS 1.2 and 1.3", "TLS 1.0 alone, which today's peers refuse")
def old_tls(case: Case) -> Violation | None:
    """The peer speaks TLS 1.2 or later."""
    spoken = _spoken(case)
    if not spoken or any(each in _NEW for each in spoken):
        return None
    return Violation(
        f"{case.label} speaks {' and '.join(spoken)} alone: today's peers refuse the handshake",
        "TLS Contexts > the context's TLS Version: allow 1.2",
    )


@rule("doctor-old-tls-too", "warning", "RFC 8996 4")
@cases("TLS 1.2 and 1.3", "TLS 1.0 beside 1.2")
def old_tls_too(case: Case) -> Violation | None:
    """The peer speaks no TLS older than 1.2."""
    spoken = _spoken(case)
    old = [each for each in spoken if each in _OLD]
    if not old or len(old) == len(spoken):
        return None
    return Violation(
        f"{case.label} also speaks {' and '.join(old)}",
        "TLS Contexts > the context's TLS Version: leave the old ones out if every peer has 1.2",
    )


@rule("doctor-chain", "warning", "RFC 8446 4.4.2; targets 3")
@cases("Leaf and issuing CA.", "The leaf alone: peers need the issuing CA in their stores.")
def chain(case: Case) -> Violation | None:
    """The peer sends what lies between its certificate and the root."""
    sent = case.chain
    if not sent or is_self_signed(sent[0]):
        return None
    needed, _ = chain_to_root(sent[0], case.cas)
    between = [ca for ca in needed if not is_self_signed(ca)]
    missing = [ca for ca in between if ca.der not in {each.der for each in sent}]
    if not missing or not needed:
        return None
    names = " and ".join(f"'{printable(ca.cn or '')}'" for ca in missing)
    what = "only the leaf" if len(sent) == 1 else "a chain with a gap"
    return Violation(
        f"sent {what}; peers need {names} in their own trust stores",
        f"upload the issuing CA at {case.target.pages.trust} (trusted-root.pem holds it); whether "
        "this device then sends it is not known for every firmware: look again",
    )


@rule("doctor-chain-order", "warning", "RFC 8446 4.4.2")
@cases("Leaf, issuing, root.", "Leaf, root, issuing.")
def chain_order(case: Case) -> Violation | None:
    """Each certificate that is sent was issued by the one after it."""
    sent = case.chain
    if len(sent) < 2 or all(issued_by(child, up) for child, up in pairwise(sent)):
        return None
    order = ", ".join(f"'{printable(each.cn or each.serial[:12])}'" for each in sent)
    if not _can_be_ordered(sent):
        return Violation(
            f"sent {order}: not all of them belong to one chain",
            "leave what belongs to other CAs out of the file",
        )
    return Violation(
        f"sent its chain in the wrong order: {order}",
        "write the leaf first, then its issuer: sipca export REF --out DIR has them in order",
    )


@rule("doctor-alert", "error", "RFC 8446 6.2; RFC 5246 7.2.2")
@cases(
    "The peer takes the certificate that we present.",
    "It answers with alert 48 unknown_ca: our root is not in its trust store.",
)
def alert(case: Case) -> Violation | None:
    """The peer takes the client certificate that was presented."""
    usual = case.endpoint.usual
    if usual.alert is None or not usual.agreed or not usual.sent_certificate:
        return None
    sentence, hint = _OBJECTIONS.get(
        usual.alert, ("objects to the certificate that was presented", "look at its log")
    )
    if case.client is not None:
        sentence, hint = _of_the_client(case, sentence, hint)
    return Violation(f"{case.label} {sentence} ({alert_text(usual.alert)})", hint)


_OBJECTIONS = {
    42: ("calls the certificate that was presented bad", "does its own trust store hold our CAs?"),
    43: (
        "wanted another kind of certificate, usually one with clientAuth",
        "present one of the profile sip or sip-client",
    ),
    44: ("says that the certificate presented is revoked", "sipca show REF says whether it is"),
    45: (
        "says that the certificate presented has expired, or is not valid yet",
        "is its clock right (NTP)? sipca show REF has the dates",
    ),
    46: ("does not accept the certificate presented, for a reason it does not tell", "see its log"),
    48: (
        "does not trust our root",
        "upload trusted-root.pem to this TLS context: sipca device crib and the kit name the page",
    ),
    49: ("accepts the certificate but not who it names", "look at its peer name verification"),
    51: ("could not verify the signature of the handshake", "certificate and key do not match"),
    116: ("wants a client certificate", "give --client-cert and --client-key"),
}


def _of_the_client(case: Case, sentence: str, hint: str) -> tuple[str, str]:
    """What the certificate that was presented explains by itself."""
    client, usual = case.client, case.endpoint.usual
    assert client is not None
    purposes = client.extended_key_usage
    if usual.alert in (42, 43, 46) and purposes and "clientAuth" not in purposes:
        return (
            "wanted clientAuth, which the certificate presented lacks",
            "present one of the profile sip or sip-client",
        )
    if usual.alert in (42, 45, 46) and case.now > client.validity.not_after:
        return "refuses the certificate presented: it has expired", "sipca renew REF --out DIR"
    known = case.client_known
    if known is not None and known.status in ("revoked", "held"):
        return f"refuses the certificate presented: it is {known.status}", hint
    return sentence, hint


@rule("doctor-closed", "error", "targets 4; targets 5", basis="inferred")
@cases(
    "The peer answers, or says by an alert what it objects to.",
    "It closes the connection, and the certificate that was presented is revoked.",
)
def closed(case: Case) -> Violation | None:
    """The peer does not end a complete handshake because of what the certificate presented is."""
    usual, client = case.endpoint.usual, case.client
    if not usual.closed or usual.alert is not None or not usual.sent_certificate or client is None:
        return None
    known, purposes = case.client_known, client.extended_key_usage
    if known is not None and known.status in ("revoked", "held"):
        why = f"is {known.status}: a peer that asks by OCSP takes no such certificate"
        hint = "present one that is good: sipca show REF"
    elif case.now > client.validity.not_after:
        why, hint = "has expired", "sipca renew REF --out DIR"
    elif purposes and "clientAuth" not in purposes:
        why = "lacks clientAuth, which strict extension checking asks for"
        hint = "present one of the profile sip or sip-client"
    else:
        return None
    return Violation(
        f"{case.label} closed the connection without a word: the certificate presented "
        f"('{printable(client.cn or client.serial[:12])}') {why}",
        hint,
    )


@rule("doctor-wants-certificate", "info", "RFC 8446 4.3.2")
@cases("It asks for no client certificate.", "It asks for one, and none was given to doctor.")
def wants_certificate(case: Case) -> Violation | None:
    """Mutual TLS was tried where the peer asks for it."""
    usual = case.endpoint.usual
    if not usual.asks_certificate or usual.sent_certificate:
        return None
    issuers = [printable(each, 80) for each in usual.accepted_issuers[:5]]
    wanted = f", issued by {'; '.join(issuers)}" if issuers else ""
    must = f", and refuses without ({alert_text(usual.alert)})" if usual.alert is not None else ""
    return Violation(
        f"{case.label} asks for a client certificate{wanted}{must}",
        "sipca doctor --client-cert FILE --client-key FILE tries it",
    )


@rule("doctor-accepted-issuers", "warning", "RFC 8446 4.2.4; targets 3")
@cases("The CAs that it asks for include ours.", "It asks for certificates of other CAs alone.")
def accepted_issuers(case: Case) -> Violation | None:
    """Where the peer says whose client certificates it takes, our CAs are among them."""
    named = case.endpoint.usual.accepted_issuers
    ours = {f"CN={ca.cn}" for ca in case.cas if ca.cn}
    if not named or not ours or any(ours & _attributes(each) for each in named):
        return None
    return Violation(
        f"{case.label} asks for client certificates of {printable(named[0], 80)}"
        + (f" and {len(named) - 1} more" if len(named) > 1 else "")
        + ", and names none of our CAs: our root is probably not in its trust store",
        f"upload trusted-root.pem at {case.target.pages.trust}",
    )


@rule("doctor-clock", "warning", "targets 4")
@cases("Its clock is two seconds off.", "Its clock is three days slow.")
def clock(case: Case) -> Violation | None:
    """The peer's clock, where its answer tells the time, is right to five minutes."""
    off = case.endpoint.clock_error
    if off is None or abs(off) <= CLOCK_TOLERANCE.total_seconds():
        return None
    span = _span(timedelta(seconds=abs(off)))
    word = "slow" if off < 0 else "fast"
    theirs = case.endpoint.usual.answer_date
    effect = ""
    if case.leaf is not None and theirs is not None:
        validity = case.leaf.validity
        if theirs < validity.not_before:
            effect = ": by it, its own certificate is not valid yet"
        elif theirs > validity.not_after:
            effect = ": by it, its own certificate has expired"
    return Violation(f"{case.label}'s clock is {span} {word}{effect}", "set NTP on the device")


@rule("doctor-ocsp", "error", "targets 5; RFC 6960 4.1", basis="vendor")
@cases(
    "The responder that the certificates name answers.",
    "Nothing listens there, and the device's default is to reject.",
)
def responder(case: Case) -> Iterator[Violation]:
    """Each OCSP responder that the certificates name answers."""
    for each in case.endpoint.responders:
        if each.failure:
            yield Violation(
                f"the OCSP responder at {printable(each.url)} does not answer as it should: "
                f"{printable(each.failure)}; where a device checks by OCSP and its default "
                "response is Reject, every call stops",
                "sipca serve answers; is its port open, and its address the one of --base-url?",
            )


@rule("doctor-sip", "warning", "RFC 3261 11.2")
@cases("It answers OPTIONS with 200 or any other status.", "TLS comes up, and nothing answers.")
def sip(case: Case) -> Violation | None:
    """What listens on a SIP port answers SIP."""
    endpoint = case.endpoint
    if endpoint.service != "sip" or not endpoint.usual.complete or endpoint.usual.alert is not None:
        return None
    answer = endpoint.usual.answer
    if answer.startswith("SIP/2.0 "):
        return None
    advice = "many devices answer only configured peers: look at its IP Groups and classification"
    if endpoint.usual.closed and endpoint.usual.sent_certificate:
        return Violation(
            f"TLS comes up, but {case.label} closes the connection once it has our certificate",
            "is its clock right (NTP)? Does its OCSP server answer, or is the Default Response "
            f"Allow? Else: {advice}",
        )
    what = f"answers OPTIONS with '{answer}'" if answer else "does not answer OPTIONS"
    return Violation(f"TLS comes up, but {case.label} {what}", advice)


@rule("doctor-server-name", "info", "RFC 6066 3")
@cases("The same certificate with and without SNI.", "Another certificate without SNI.")
def server_name(case: Case) -> Violation | None:
    """The peer serves the same certificate whether or not it is told a name."""
    other = case.endpoint.without_name
    if other is None or not other.chain or not case.chain or other.chain[0] == case.chain[0].der:
        return None
    return Violation(
        f"{case.label} serves another certificate to clients that send no server name (SNI)",
        "SIP devices often send none: look at both with --name",
    )


HANDSHAKE_RULES = (
    no_tls, handshake, old_tls, old_tls_too, chain, chain_order, alert, closed, wants_certificate,
    accepted_issuers, clock, responder, sip, server_name,
)  # fmt: skip


def _attributes(name: str) -> set[str]:
    """The attributes of a name as text, whichever way its writer sets blanks."""
    return {part.strip().replace(" = ", "=") for part in name.split(",")}


def _agreed(case: Case) -> list[bool]:
    return [seen.agreed for seen in case.endpoint.versions.values()]


def _spoken(case: Case) -> list[str]:
    """The versions that the peer speaks, oldest first; that of the usual handshake at least."""
    tried: dict[str, Handshake] = case.endpoint.versions
    if tried:
        return [version for version, seen in tried.items() if seen.agreed]
    return [case.endpoint.usual.version] if case.endpoint.usual.version else []


def _can_be_ordered(sent: Sequence[CertificateFacts]) -> bool:
    issuers, _ = chain_to_root(sent[0], sent[1:])
    return {each.der for each in issuers} == {each.der for each in sent[1:]}


def _span(span: timedelta) -> str:
    if span.days >= 2:
        return f"{span.days} days"
    hours = int(span.total_seconds() // 3600)
    return f"{hours} hours" if hours >= 2 else f"{int(span.total_seconds() // 60)} minutes"
