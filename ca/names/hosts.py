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
"""The form of nearly every host name: LDH labels, of which the last begins with a letter."""
_FACTORY = re.compile(r"ACL_[0-9]+", re.ASCII | re.IGNORECASE)
_MAC = re.compile(r"(?:[0-9a-f]{12}|[0-9a-f]{2}([:.-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4})", re.ASCII | re.IGNORECASE)  # fmt: skip  # noqa: E501
_HEX_NUMBER = re.compile(r"0x[0-9a-f]*", re.ASCII | re.IGNORECASE)
"""A last label that makes the host an IPv4 address in the URL standard of WHATWG, 3.5."""
_PORT = re.compile(r"[^:]+:[0-9]{1,5}")
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_BROADCAST = ipaddress.ip_address("255.255.255.255")
MAX_HOST = 253
"""Octets of a whole name in text form (RFC 1035, 2.3.4, less the length octets)."""


def host_problem(name: str, *, underscore: bool = False) -> str | None:
    """Why a text is not a valid dNSName, as words that follow the name; None if it is valid.

    LDH labels of 1 to 63 octets, 253 in all (RFC 5280, 4.2.1.6; RFC 1123, 2.1), IDNs as
    A-labels (RFC 5890), no trailing dot, ``*`` only as the whole left-most label (RFC 9525,
    6.3), no last label of digits only.
    """
    if len(name) <= MAX_HOST and "--" not in name and _PLAIN.fullmatch(name):
        return None
    if not name.isascii():
        return "has characters outside ASCII, which a certificate holds only as A-labels"
    if len(name) > MAX_HOST:
        return f"has {len(name)} characters, but a host name at most {MAX_HOST}"
    if name.endswith("."):
        return "ends with a dot, but peers compare names without it"
    if _PORT.fullmatch(name):
        return "has a port, which is not part of a host name"
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
        return f"has a label of {len(label)} characters, but at most 63 are allowed"
    if not (_LABEL_WITH_UNDERSCORE if underscore else _LABEL).fullmatch(label):
        return f"has the label '{printable(label)}', which is not letters, digits and inner hyphens"
    return _a_label_problem(label) if label[:4].casefold() == "xn--" else None


def _a_label_problem(label: str) -> str | None:
    """Judge by IDNA 2008 (RFC 5890; RFC 9549), and by UTS 39: one alphabet, no Latin look-alike."""
    import idna

    try:
        u_label = idna.decode(label.casefold())
    except UnicodeError:
        return f"has the label '{printable(label)}', which is not a valid A-label"
    if mixed := mixed_alphabets(u_label):
        return f"has the label '{printable(label)}', which mixes {mixed} and can look like another"
    if twin := latin_twin(u_label):
        return f"has the label '{printable(label)}', which looks like '{twin}'"
    return None


def to_a_labels(name: str) -> str | None:
    """The name with its international labels as A-labels, or None if that is not possible."""
    import idna

    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except UnicodeError:
        return None


def as_address(text: str) -> str | None:
    """An IP address in canonical text form, or None; the text may have brackets around IPv6."""
    if ":" not in text and not text[-1:].isdigit():
        return None  # a fast path for nearly every name
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
    """Why an address cannot be dialled, as words that follow it; None if it can.

    Raises:
        ValueError: it is not an address.
    """
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return f"is an IPv4-mapped address, but peers compare {parsed.ipv4_mapped} (RFC 4291)"
        if int(parsed) >> 32 == 0 and int(parsed) > 1:
            return "is an IPv4-compatible address, which RFC 4291 deprecates"
    elif parsed in _THIS_NETWORK:
        return "is in 0.0.0.0/8, which names no host (RFC 1122)"
    if parsed == _BROADCAST:
        return "is the broadcast address"
    if parsed.is_unspecified:
        return "is the unspecified address, which names no host"
    return "is a multicast address, which names no host" if parsed.is_multicast else None


def is_local_address(address: str) -> bool:
    """Whether an address is loopback or link-local: a different machine to each peer."""
    parsed = ipaddress.ip_address(address)
    return parsed.is_loopback or parsed.is_link_local


def looks_like_host(text: str) -> bool:
    """Whether a text is a valid host name and not a factory name."""
    return host_problem(text) is None and not is_factory_name(text)


def is_mac(text: str) -> bool:
    """Whether a text is spelled as a MAC address."""
    return bool(_MAC.fullmatch(text))


def is_factory_name(text: str) -> bool:
    """Whether a CN is a default of the device: ``ACL_`` and digits, or a MAC address."""
    return bool(_FACTORY.fullmatch(text) or _MAC.fullmatch(text))
