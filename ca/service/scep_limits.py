"""How often one address may ask: a burst, then a steady rate; for a bounded number of addresses."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

BURST, PER_SECOND = 120.0, 4.0
"""Questions at once, and a second: a rack of phones behind one address, started together."""
TELL_EVERY = 60.0
"""Seconds between two notes that one address asks too often."""
MOST_ADDRESSES = 4096
_NETWORK = 64
"""Bits of an IPv6 address that are one site's."""


class AddressLimits:
    """What each address has left; of those not seen for longest nothing is known any more."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._told: dict[str, float] = {}

    def __len__(self) -> int:
        """The addresses that are known."""
        return len(self._left)

    def admits(self, address: str, now: float) -> bool:
        """Whether an address may ask once more, which is then counted; ``now`` in seconds."""
        site = site_of(address)
        left, since = self._left.pop(site, (BURST, now))
        left = min(BURST, left + max(0.0, now - since) * PER_SECOND)
        admitted = left >= 1
        self._left[site] = (left - admitted, now)
        if len(self._left) > MOST_ADDRESSES:
            forgotten, _ = self._left.popitem(last=False)
            self._told.pop(forgotten, None)
        return admitted

    def is_to_be_told(self, address: str, now: float) -> bool:
        """Whether it is to be noted that an address was sent away: once in a while."""
        site = site_of(address)
        if site in self._told and now - self._told[site] < TELL_EVERY:
            return False
        self._told[site] = now
        return True


def site_of(address: str) -> str:
    """An address as it is counted: IPv4 whole, of IPv6 the network of its site."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> _NETWORK << _NETWORK)}/{_NETWORK}"
    return str(parsed)
