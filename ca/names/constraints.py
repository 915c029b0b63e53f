"""Name constraints (RFC 5280, 4.2.1.10): parse them, and check names against them."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable

from ca.errors import MalformedError
from ca.model.certificates import GeneralName, SubjectAttribute
from ca.names.hosts import as_address, host_problem, is_factory_name
from ca.names.text import printable
from ca.names.uris import read_uri

_NOT_IN_HOSTS = re.compile(r"[^\w.*-]+")
_BRACKETED = re.compile(r"\[([0-9A-Fa-f:.]+)\]")


def parse_permit_dns(text: str) -> str:
    """Parse a domain for a dNSName constraint: no leading dot, no wildcard.

    Raises:
        MalformedError: it is not a domain.
    """
    folded = text.strip().casefold()
    problem = host_problem(folded)
    if problem or folded.startswith("*") or as_address(folded):
        raise MalformedError(
            f"--permit-dns '{printable(text)}' {problem or 'is not a domain'}",
            hint="for example lab.example, which includes every name below it",
        )
    return folded


def parse_permit_ip(text: str) -> str:
    """Parse a network, ADDRESS/BITS.

    Raises:
        MalformedError: it is not a network, or has host bits set.
    """
    try:
        return str(ipaddress.ip_network(text.strip()))
    except ValueError as error:
        hint = "for example 10.0.0.0/8"
        if "host bits" in str(error):
            hint = f"did you mean {ipaddress.ip_network(text.strip(), strict=False)}?"
        raise MalformedError(
            f"--permit-ip '{printable(text)}' is not a network", hint=hint
        ) from None


def constraint_problem(
    name: GeneralName, permitted_dns: tuple[str, ...], permitted_ip: tuple[str, ...]
) -> str | None:
    """Why a name violates the issuing CA's name constraints, as a sentence; None if it does not.

    The hosts of e-mail addresses and URIs are judged, too, although these constraints do not
    apply to them in X.509. Without ``permitted_ip`` no address is permitted; without
    ``permitted_dns`` every host name is.
    """
    host = _host_of(name)
    address = as_address(host) if host is not None else None
    limits = permitted_ip if address is not None else permitted_dns
    if address is not None:
        inside = any(ipaddress.ip_address(address) in ipaddress.ip_network(net) for net in limits)
    elif host is None:
        inside = False
    else:
        bare = host.removeprefix("*.").casefold()
        inside = not limits or any(bare == each or bare.endswith(f".{each}") for each in limits)
    if inside:
        return None
    allowed = ", ".join((*permitted_dns, *permitted_ip))
    return f"'{printable(str(name))}' lies outside of what the issuing CA may certify: {allowed}"


def _host_of(name: GeneralName) -> str | None:
    if name.kind in ("dns", "ip"):
        return name.value
    if name.kind == "email":
        return name.value.rpartition("@")[2]
    uri = read_uri(name.value)
    return None if uri is None else uri.host


def names_in_subject(subject: Iterable[SubjectAttribute]) -> tuple[GeneralName, ...]:
    """The names in a subject that a peer may use: hosts and addresses in the CN, e-mail addresses.

    A device compares the CN with what it dials, and OpenSSL applies the issuer's name constraints
    to a CN that looks like a host name, whether or not it is well formed. A CN with a blank inside
    is free text, which nobody dials; a single label is in no domain.
    """
    names: list[GeneralName] = []
    for attribute in subject:
        if attribute.type == "CN":
            names += _names_in_cn(unicodedata.normalize("NFKC", attribute.value).strip())
        elif attribute.type == "emailAddress":
            names.append(GeneralName("email", attribute.value.strip()))
    return tuple(dict.fromkeys(names))


def _names_in_cn(text: str) -> list[GeneralName]:
    if is_factory_name(text) or " " in " ".join(text.split()):
        return []
    bracketed = _BRACKETED.search(text)
    if (address_alone := as_address(bracketed[1] if bracketed else text)) is not None:
        return [GeneralName("ip", address_alone)]
    names = []
    host_part = text.partition("@")[2] or text  # what stands before is a user, not a host
    for token in _NOT_IN_HOSTS.split(host_part):
        host = token.strip(".")
        address = as_address(host)
        if address is not None:
            names.append(GeneralName("ip", address))
        elif "." in host and not host.rpartition(".")[2].isdigit():
            names.append(GeneralName("dns", host))
    return names
