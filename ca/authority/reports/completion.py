"""Names for shell completion: devices, and everything a REF can be."""

from __future__ import annotations

from ca.authority.home import Home
from ca.store import certificate_names, devices

MOST = 2000
"""Names that are offered at most."""


def device_names(home: Home) -> list[str]:
    """Every device, registered or known from certificates."""
    known = [row.name for row in devices.devices(home.store)]
    return sorted({*known, *certificate_names.device_names(home.store)})[:MOST]


def ref_names(home: Home, begun: str) -> list[str]:
    """Devices, CNs and SANs of unexpired certificates that begin with a prefix."""
    now = int(home.now().timestamp())
    names = certificate_names.names_expiring_after(home.store, now, begun.casefold(), limit=MOST)
    return sorted({*device_names(home), *names})[:MOST]
