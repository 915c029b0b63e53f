"""Strict parsing of URIs, as far as certificates need them (RFC 3986; RFC 5280, 4.2.1.6)."""

from __future__ import annotations

import re

import msgspec

from ca.names.hosts import as_address, host_problem
from ca.names.sip import MAX_PORT, sip_uri_host
from ca.names.text import printable

USUAL_SCHEMES = ("sip", "sips", "http", "https", "urn")
"""Schemes that are used in a SIP lab: SIP domains (RFC 5922), web services (RFC 9525), and instance
identifiers (RFC 5626). A profile can accept others, like spiffe (``uri_schemes``)."""
WITH_HOST = frozenset({"http", "https"})
"""Schemes whose URIs always name a host (RFC 9110, 4.2)."""
_UNIT = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_URI = (  # rare: compiled when one is met, which takes 0.6 ms
    rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):"
    rf"(?://(?:(?:{_UNIT}|:)*@)?"
    rf"(?P<host>\[[0-9A-Fa-f:.]+\]|{_UNIT}*)(?::(?P<port>[0-9]{{0,5}}))?(?=[/?#]|$))?"
    rf"(?P<path>(?:{_UNIT}|[:@/])*)(?:\?(?:{_UNIT}|[:@/?])*)?(?:#(?:{_UNIT}|[:@/?])*)?"
)
_CHARACTERS = re.compile(r"(?:[!#$&'()*+,/:;=?@\[\]A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+", re.ASCII)
_SIP_AUTHORITY = re.compile(
    r"(?i:sips?):(?:[^@]*@)?(?P<host>\[[^\]]*\]|[^:;?\[\]]*)(?::(?P<port>[0-9]{1,5}))?(?=[;?]|$)",
    re.ASCII,
)
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*", re.ASCII)


class URI(msgspec.Struct, frozen=True):
    """A URI's scheme and host in lower case; ``host`` is None if there is no authority."""

    scheme: str
    host: str | None


def scheme_of(text: str) -> str | None:
    """The scheme that a text begins with, in lower case; None if it has none."""
    scheme, colon, _ = text.partition(":")
    return scheme.casefold() if colon and SCHEME.fullmatch(scheme) else None


def authority_problem(text: str) -> str | None:
    """Why the host or port of a URI is invalid, as words that follow the URI; else None."""
    match = _SIP_AUTHORITY.match(text) or re.fullmatch(_URI, text, re.ASCII)
    if match is None or match["host"] is None:
        return None
    host = match["host"]
    if not host:
        return "names no host"
    if int(match["port"] or 0) > MAX_PORT:
        return f"names the port {match['port']}, but the highest is {MAX_PORT}"
    if as_address(host) is not None:
        return None
    problem = host_problem(host)
    return None if problem is None else f"names the host '{printable(host)}', which {problem}"


def read_uri(text: str) -> URI | None:
    """Parse an absolute URI (RFC 3986) whose host, if it has one, is a host name or an address.

    None for anything else, also for URIs that programs read in different ways: with two @, a
    backslash, or a percent-encoded host.
    """
    scheme = scheme_of(text)
    if scheme is None or not _CHARACTERS.fullmatch(text):
        return None
    if scheme in ("sip", "sips"):
        host = sip_uri_host(text)
        return None if host is None else URI(scheme, host)
    match = re.fullmatch(_URI, text, re.ASCII)
    if match is None or not text.partition(":")[2] or int(match["port"] or 0) > MAX_PORT:
        return None
    host = match["host"]
    if host is None:  # after // there must be a well-formed authority
        hidden = match["path"].startswith("//")
        return None if hidden or scheme in WITH_HOST else URI(scheme, None)
    address = as_address(host)
    if address is None and host_problem(host) is not None:
        return None
    return URI(scheme, address or host.casefold())
