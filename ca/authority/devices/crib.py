"""``device crib``: what to type on a device's page, from what the register knows of the device."""

from __future__ import annotations

from ca.authority.devices.device import find_device
from ca.authority.home import Home
from ca.device.crib import Wanted, crib, names_known
from ca.documents.device import CribDocument
from ca.encoding.certificates import read_certificate
from ca.model.certificates import GeneralName
from ca.model.status import CURRENT
from ca.store import certificates
from ca.store.devices import DeviceRow


def device_crib(
    home: Home, name: str, *, target: str | None = None, context: int | None = None
) -> CribDocument:
    """What to type for a device; ``target`` and ``context`` go before what is registered.

    Raises:
        NotFoundError: there is no such device or target.
    """
    device = find_device(home, name)
    known = home.library.target(target or device.target or home.target)
    place = device.context if context is None else context
    names = names_known(device.addresses, _names_before(home, device, place), device.name)
    return crib(Wanted(device=device.name, context=place, target=known, names=names))


def _names_before(home: Home, device: DeviceRow, context: int | None) -> tuple[GeneralName, ...]:
    """The SANs of the newest certificate in use on the device and context."""
    now = home.now()
    rows = [
        row
        for row in certificates.certificates(home.store, device=device.name, in_use=True)
        if row.status(now) in (*CURRENT, "expired") and context in (None, row.context)
    ]
    return read_certificate(rows[-1].der).san if rows else ()
