"""Whose names a request asks for: those of a device, or those that another key has already."""

from __future__ import annotations

import re

from ca.authority.home import Home
from ca.csr.request import CertificateRequest
from ca.encoding.certificates import read_certificate
from ca.errors import MalformedError
from ca.keys.public import read_public_key
from ca.names.text import check_device_name
from ca.store import certificates, devices, successions
from ca.store.certificates import CertificateRow

_MAC = re.compile(r"(?:[0-9a-f]{2}[:.-]?){5}[0-9a-f]{2}")


def folded(name: str) -> str:
    """A name for comparing: without case, a MAC address without what separates its octets."""
    lower = name.strip().casefold()
    return re.sub("[:.-]", "", lower) if _MAC.fullmatch(lower) else lower


def requested(request: CertificateRequest) -> tuple[str, ...]:
    """Every name that a request asks for, its CN first, as they are spelled there."""
    names = ([request.cn] if request.cn else []) + [each.value for each in request.san]
    return tuple(dict.fromkeys([*names, *request.other_names]))


def names_of_device(home: Home, device: str) -> tuple[str, ...]:
    """The folded names of a device: its own, its addresses, those of its certificates in use."""
    known = devices.device(home.store, device)
    names = [device, *(known.addresses if known else ())]
    for row in successions.in_use_of_device(home.store, device):
        facts = read_certificate(row.der)
        names += ([facts.cn] if facts.cn else []) + [each.value for each in facts.san]
    return tuple(dict.fromkeys(map(folded, names)))


def claimed_device(home: Home, request: CertificateRequest) -> str | None:
    """The device that a request claims to be from.

    The registered one that has one of its names, else the one whose certificate has, else its CN.
    """
    names = {folded(each) for each in requested(request)}
    matching = [
        row.name
        for row in devices.devices(home.store)
        if names & {folded(each) for each in (row.name, *row.addresses)}
    ]
    if not matching:
        rows = [row for name in requested(request) for row in _in_use_called(home, name)]
        matching = list({row.device: row for row in rows if row.device})
    if len(matching) == 1:
        return matching[0]
    cn = request.cn or ""
    try:
        check_device_name(cn)
    except MalformedError:
        return None
    return devices.spelled(home.store, cn) or cn


def held_by_others(
    home: Home, request: CertificateRequest, device: str | None
) -> list[CertificateRow]:
    """Current certificates of another key: for one of these names, or on the device."""
    rows = [row for name in requested(request) for row in _in_use_called(home, name)]
    if device is not None:
        now = home.now().timestamp()
        on_it = successions.in_use_of_device(home.store, device)
        rows += [row for row in on_it if (row.not_after or 0) >= now]
    return list(
        {
            row.plan_id: row
            for row in rows
            if read_public_key(read_certificate(row.der).spki).identity != request.key.identity
        }.values()
    )


def _in_use_called(home: Home, name: str) -> list[CertificateRow]:
    """The current certificates that have a name, also a MAC address that is spelled otherwise."""
    now = home.now().timestamp()
    return [
        row
        for spelled in {name.casefold(), folded(name)}
        for row in certificates.by_name(home.store, spelled)
        if row.is_in_use and (row.not_after or 0) >= now
    ]
