"""SIP URIs as far as certificates need them (RFC 3261, 19.1; RFC 5922, 7.1)."""

from __future__ import annotations

import re

from ca.model.certificates import GeneralName
from ca.model.findings import Violation, cases, rule
from ca.names.hosts import as_address, host_problem
from ca.names.text import printable

_SIP = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@]*)@)?(?P<host>\[[^\]]*\]|[^:;?\[\]]*)"
    r"(?::(?P<port>[0-9]{0,5}))?(?P<rest>[;?].*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
MAX_PORT = 65535


def sip_uri_host(uri: str) -> str | None:
    """The host of a SIP or SIPS URI in lower case; None if it or its host is invalid."""
    match = _SIP.fullmatch(uri)
    if match is None or int(match["port"] or 0) > MAX_PORT:
        return None
    host = match["host"].casefold()
    address = as_address(host)
    if address is not None:
        return address
    return host if host and host_problem(host) is None else None


@rule("sip-uri-user", "error", "RFC 5922 7.1")
@cases("uri:sip:lab.example", "uri:sip:alice@lab.example")
def sip_uri_user(name: GeneralName) -> Violation | None:
    """In a SIP domain certificate every URI is sip:DOMAIN, without user, address, port or
    parameters.
    """
    match = _SIP.fullmatch(name.value)
    if match is None or match["scheme"].casefold() != "sip":
        return Violation(
            f"the SAN URI '{printable(name.value)}' is not sip:DOMAIN",
            "a SIP domain is written as uri:sip:lab.example",
        )
    if match["user"] is not None or match["port"] is not None or match["rest"]:
        return Violation(
            f"the SAN URI '{printable(name.value)}' names more than a domain",
            f"write it without user, port and parameters: uri:sip:{printable(match['host'])}",
        )
    if as_address(match["host"]) is not None:
        return Violation(
            f"the SAN URI '{printable(name.value)}' names an address, but a SIP domain is a name",
            "a SIP domain is written as uri:sip:lab.example; an address as ip:ADDR",
        )
    return None
