"""Rules for the name of a device that a certificate is the first of."""

from __future__ import annotations

import msgspec

from ca.model.findings import Violation, cases, rule
from ca.names.text import printable


class NamedDevice(msgspec.Struct, frozen=True):
    """A device as a call names it, whether it is known, and the known name it is a slip of."""

    name: str
    known: bool
    near: str | None


@rule("device-new", "info", "targets 9")
@cases("The second certificate of sbc1.", "The first certificate that names sbc1.")
def device_new(device: NamedDevice) -> Violation | None:
    """The device has been registered, or was named by a certificate before."""
    if device.known or device.near is not None:
        return None
    return Violation(f"device '{printable(device.name)}' is new: no certificate named it before")


@rule("device-near-miss", "warning", "targets 9")
@cases("The device sbc1 is known: --device sbc1", "The device sbc1 is known: --device scb1")
def device_near_miss(device: NamedDevice) -> Violation | None:
    """A new device's name is no slip of a known one: the renewal of the known one would be lost."""
    if device.known or device.near is None:
        return None
    return Violation(
        f"no device is called '{printable(device.name)}', but one is called "
        f"'{printable(device.near)}'",
        f"if that one is meant, revoke this certificate and give --device {printable(device.near)}",
    )


DEVICE_RULES = (device_new, device_near_miss)
