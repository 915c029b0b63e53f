"""Names for shell completion: devices, and everything a REF can be."""

from __future__ import annotations

from ca.authority.home import Home
from ca.store import certificates, devices

MOST = 2000
"""The most names that are offered."""


def device_names(home: Home) -> list[str]:
    """Every device, as it was set or as certificates name it."""
    known = [row.name for row in devices.devices(home.store)]
    return sorted({*known, *certificates.device_names(home.store)})[:MOST]


def ref_names(home: Home, begun: str) -> list[str]:
    """Devices, and CNs and SANs that begin so of certificates that have not ended."""
    now = int(home.now().timestamp())
    names = certificates.names_expiring_after(home.store, now, begun.casefold(), limit=MOST)
    return sorted({*device_names(home), *names})[:MOST]
