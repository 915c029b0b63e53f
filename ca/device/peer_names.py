"""Would a peer that dials a name or address accept a certificate? Three rules for its names."""

from __future__ import annotations

from collections.abc import Sequence

from ca.model.certificates import CertificateFacts, GeneralName
from ca.names.hosts import as_address


def matches_service_identity(names: Sequence[GeneralName], dialled: str) -> bool:
    """Match as in RFC 9525, 6.3: an iPAddress, or a dNSName whose left-most label may be ``*``."""
    literal = as_address(dialled)
    if literal is not None:
        return any(each.kind == "ip" and each.value == literal for each in names)
    return any(each.kind == "dns" and _host_matches(each.value, dialled) for each in names)


def sip_identities(facts: CertificateFacts) -> tuple[list[str], bool]:
    """A certificate's SIP domain identities (RFC 5922, 7.1), and whether URIs hide its DNS names.

    These are the SIP URIs without a user part; if there are none, the dNSNames; if there is no SAN
    at all, the CN.
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
    """Match as in RFC 5922, 7.2: equal host names in any case, without wildcards."""
    literal = as_address(dialled)
    if literal is not None:
        return any(each.kind == "ip" and each.value == literal for each in facts.san)
    return dialled.casefold().rstrip(".") in sip_identities(facts)[0]


def matches_proxy_set(facts: CertificateFacts, configured: str) -> bool:
    """Match as the device documents it: a SAN, or else the CN, equals the Proxy Set's address.

    Compared as text, with wildcards; names are not resolved (targets 4).
    """
    literal = as_address(configured)
    address = (literal or configured).casefold()
    for name in facts.san:
        if name.kind == "dns" and literal is None and _host_matches(name.value, configured):
            return True
        if name.value.casefold() == address:
            return True
    if facts.san_critical:
        return False
    return facts.cn is not None and facts.cn.casefold() == address


def _host_matches(pattern: str, dialled: str) -> bool:
    # whoever dials may write a final dot; in a certificate it makes a different name
    pattern, dialled = pattern.casefold(), dialled.casefold().rstrip(".")
    if not pattern.startswith("*."):
        return pattern == dialled
    label, _, rest = dialled.partition(".")
    return bool(label) and rest == pattern[2:]
