"""IP addresses in the SAN: whether they are well formed, and whether peers can dial them."""

from __future__ import annotations

from ca.model.certificates import GeneralName
from ca.model.findings import Violation, cases, rule
from ca.names.hosts import address_problem, as_address, is_local_address
from ca.names.text import printable
from ca.names.uris import read_uri


@rule("san-address", "error", "RFC 1122 3.2.1.3; RFC 4291 2.5.2; RFC 4291 2.5.5; RFC 4291 2.7")
@cases("ip:10.4.0.20", "ip:0.0.0.0")
def unusable_address(name: GeneralName) -> Violation | None:
    """An address in the SAN is one that can be dialled."""
    address = _address_in(name)
    problem = address_problem(address) if address is not None else None
    if problem is None:
        return None
    return Violation(
        f"the SAN {name.kind.upper()} '{printable(name.value)}' {problem}",
        "give the address that peers dial: --san ip:ADDR with --replace-san",
    )


@rule("san-address-local", "warning", "RFC 1122 3.2.1.3; RFC 3927; RFC 4291 2.5.3; RFC 4291 2.5.6")
@cases("ip:10.4.0.20", "ip:127.0.0.1")
def local_address(name: GeneralName) -> Violation | None:
    """An address in the SAN is the same machine to every peer, not loopback or link-local."""
    address = _address_in(name)
    if address is None or not is_local_address(address):
        return None
    return Violation(
        f"the SAN {name.kind.upper()} '{printable(name.value)}' is an address that means a "
        "different machine to each peer",
        "harmless in a test; for a device give the address that peers dial",
    )


def _address_in(name: GeneralName) -> str | None:
    if name.kind == "ip":
        return as_address(name.value)
    uri = read_uri(name.value) if name.kind == "uri" else None
    return None if uri is None or uri.host is None else as_address(uri.host)


@rule("san-ip-syntax", "error", "RFC 5280 4.2.1.6")
@cases("ip:10.4.0.20", "ip:10.4.0.0/24")
def ip_syntax(name: GeneralName) -> Violation | None:
    """An IP name is one IPv4 or IPv6 address."""
    if name.kind != "ip" or as_address(name.value) == name.value:
        return None
    return Violation(
        f"the SAN IP '{printable(name.value)}' is not an IP address",
        "for example 10.0.0.5 or 2001:db8::5",
    )
