"""Host names and addresses: LDH labels, A-labels, wildcards, IP literals, factory names."""

from __future__ import annotations

import ipaddress
import re

from ca.names.preparation import latin_twin, mixed_alphabets
from ca.names.text import printable

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_LABEL_WITH_UNDERSCORE = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)
_PLAIN = re.compile(
    r"(?:\*\.)?(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*"
    r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
    re.ASCII,
)
"""Nearly every host name: LDH labels, the last begins with a letter."""
_FACTORY = re.compile(r"ACL_[0-9]+", re.ASCII | re.IGNORECASE)
_MAC = re.compile(r"(?:[0-9a-f]{12}|[0-9a-f]{2}([:.-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4})", re.ASCII | re.IGNORECASE)  # fmt: skip  # noqa: E501
_HEX_NUMBER = re.compile(r"0x[0-9a-f]*", re.ASCII | re.IGNORECASE)
"""What WHATWG's URL standard, 3.5, takes for the end of an IPv4 address."""
_PORT = re.compile(r"[^:]+:[0-9]{1,5}")
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_BROADCAST = ipaddress.ip_address("255.255.255.255")
MAX_HOST = 253
"""Octets of a whole name in text form (RFC 1035, 2.3.4, less the length octets)."""


def host_problem(name: str, *, underscore: bool = False) -> str | None:
    """Why a text is no dNSName, as words to follow the name; None if it is one.

    LDH labels of 1 to 63 octets, 253 in all (RFC 5280, 4.2.1.6; RFC 1123, 2.1), IDNs as
    A-labels (RFC 5890), no trailing dot, ``*`` only as the whole left-most label (RFC 9525,
    6.3), no last label of digits only.
    """
    if len(name) <= MAX_HOST and "--" not in name and _PLAIN.fullmatch(name):
        return None
    if not name.isascii():
        return "has characters outside ASCII, and an international name stands as A-labels"
    if len(name) > MAX_HOST:
        return f"has {len(name)} characters, and a host name at most {MAX_HOST}"
    if name.endswith("."):
        return "ends with a dot, and peers compare names without it"
    if _PORT.fullmatch(name):
        return "names a port, and a host name has none"
    labels = name.split(".")
    if labels[0] == "*" and len(labels) > 1:
        labels = labels[1:]
    for label in labels:
        if problem := _label_problem(label, underscore=underscore):
            return problem
    return _last_label_problem(labels[-1])


def _last_label_problem(label: str) -> str | None:
    if label.isdigit():
        return "ends with a label of digits, as only addresses do"
    if _HEX_NUMBER.fullmatch(label):
        return "ends with a hexadecimal number, which browsers read as an address"
    return None


def _label_problem(label: str, *, underscore: bool) -> str | None:
    if not label:
        return "has an empty label"
    if "*" in label:
        return "has a * that is not the whole left-most label"
    if len(label) > 63:
        return f"has a label of {len(label)} characters, and 63 is the most"
    if not (_LABEL_WITH_UNDERSCORE if underscore else _LABEL).fullmatch(label):
        return f"has the label '{printable(label)}', which is not letters, digits and inner hyphens"
    return _a_label_problem(label) if label[:4].casefold() == "xn--" else None


def _a_label_problem(label: str) -> str | None:
    """By IDNA 2008 (RFC 5890; RFC 9549), and by UTS 39: one alphabet, and not Latin's twin."""
    import idna

    try:
        meant = idna.decode(label.casefold())
    except UnicodeError:
        return f"has the label '{printable(label)}', which is no A-label"
    if mixed := mixed_alphabets(meant):
        return f"has the label '{printable(label)}', which mixes {mixed}: it looks like another"
    if twin := latin_twin(meant):
        return f"has the label '{printable(label)}', which looks like '{twin}'"
    return None


def a_label_form(name: str) -> str | None:
    """The name with its international labels as A-labels, if there is such a form."""
    import idna

    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except UnicodeError:
        return None


def as_address(text: str) -> str | None:
    """An IPv4 or IPv6 address in its canonical text, brackets allowed around IPv6; else None."""
    if ":" not in text and not text[-1:].isdigit():
        return None  # nearly every name: no need to fail at reading it
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return None
    return str(address)


def address_problem(address: str) -> str | None:
    """Why nobody can be dialled at an address, as words to follow it; None if somebody can.

    Raises:
        ValueError: it is not an address.
    """
    read = ipaddress.ip_address(address)
    if isinstance(read, ipaddress.IPv6Address):
        if read.ipv4_mapped is not None:
            return f"is an IPv4-mapped address, and peers compare {read.ipv4_mapped} (RFC 4291)"
        if int(read) >> 32 == 0 and int(read) > 1:
            return "is an IPv4-compatible address, which RFC 4291 gave up"
    elif read in _THIS_NETWORK:
        return "is of 0.0.0.0/8, which names no host (RFC 1122)"
    if read == _BROADCAST:
        return "is the broadcast address"
    if read.is_unspecified:
        return "is the unspecified address, which names no host"
    return "is a multicast address, which names no host" if read.is_multicast else None


def is_local_address(address: str) -> bool:
    """Whether an address means another machine for each peer: loopback and link-local ones."""
    read = ipaddress.ip_address(address)
    return read.is_loopback or read.is_link_local


def looks_like_host(text: str) -> bool:
    """Whether a text is a host name with a dot, or a single label, and neither factory name."""
    return host_problem(text) is None and not is_factory_name(text)


def is_factory_name(text: str) -> bool:
    """Whether a CN is one that a device made up: ``ACL_`` and digits, or a MAC address."""
    return bool(_FACTORY.fullmatch(text) or _MAC.fullmatch(text))
