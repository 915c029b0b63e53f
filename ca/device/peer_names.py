"""Whether a peer that dials an address takes a certificate: three rules, on names alone."""

from __future__ import annotations

from collections.abc import Sequence

from ca.model.certificates import CertificateFacts, GeneralName
from ca.names.hosts import as_address


def matches_service_identity(names: Sequence[GeneralName], dialled: str) -> bool:
    """RFC 9525, 6.3 (and RFC 2818, 3.1): dNSName with a whole left-most wildcard, or iPAddress."""
    literal = as_address(dialled)
    if literal is not None:
        return any(each.kind == "ip" and each.value == literal for each in names)
    return any(each.kind == "dns" and _host_matches(each.value, dialled) for each in names)


def sip_identities(facts: CertificateFacts) -> tuple[list[str], bool]:
    """A certificate's SIP domain identities (RFC 5922, 7.1), and whether URIs hid its DNS names.

    SIP URIs without a user part; only without any of them dNSNames; only without a SAN the CN.
    """
    uris = [each.value for each in facts.san if each.kind == "uri"]
    domains = [
        value.partition(":")[2].partition(";")[0].casefold()
        for value in uris
        if value.lower().startswith("sip:") and "@" not in value
    ]
    dns = [each.value.casefold() for each in facts.san if each.kind == "dns"]
    if domains:
        return domains, bool(dns)
    if dns or facts.san:
        return dns, False
    return ([facts.cn.casefold()] if facts.cn else []), False


def matches_sip_domain(facts: CertificateFacts, dialled: str) -> bool:
    """RFC 5922, 7.2: equal as host names, case apart; no wildcards, no addresses in URIs' place."""
    literal = as_address(dialled)
    if literal is not None:
        return any(each.kind == "ip" and each.value == literal for each in facts.san)
    return dialled.casefold().rstrip(".") in sip_identities(facts)[0]


def matches_proxy_set(facts: CertificateFacts, configured: str) -> bool:
    """The device's documented rule: a SAN equals the Proxy Set's address as text, else the CN does.

    Wildcards are allowed; a name is not resolved (targets 4).
    """
    literal = as_address(configured)
    wanted = (literal or configured).casefold()
    for name in facts.san:
        if name.kind == "dns" and literal is None and _host_matches(name.value, configured):
            return True
        if name.value.casefold() == wanted:
            return True
    if facts.san_critical:
        return False
    return facts.cn is not None and facts.cn.casefold() == wanted


def _host_matches(pattern: str, dialled: str) -> bool:
    # a dot at the end is the dialler's to leave out; in a certificate it makes another name
    pattern, dialled = pattern.casefold(), dialled.casefold().rstrip(".")
    if not pattern.startswith("*."):
        return pattern == dialled
    label, _, rest = dialled.partition(".")
    return bool(label) and rest == pattern[2:]
