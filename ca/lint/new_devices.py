"""Rules for a device that no certificate was for before: it is new, or mistyped."""

from __future__ import annotations

import msgspec

from ca.model.findings import Violation, cases, rule
from ca.names.text import printable


class NewDevice(msgspec.Struct, frozen=True):
    """A device's name that the register does not know, and the known one it is nearly, if any."""

    name: str
    near: str | None = None


@rule("device-new", "info", "decision 57")
@cases("sbc1 has a certificate already.", "sbc1's first CSR is signed with --device sbc1.")
def new_device(device: NewDevice) -> Violation:
    """The device is known: its certificates supersede each other."""
    return Violation(f"'{printable(device.name)}' is a new device: none was called that before")


@rule("device-near-miss", "warning", "decision 57", allow=True)
@cases("sbc2, where sbc1 is known.", "scb1 or sbc_1, where sbc1 is known.")
def near_miss(device: NewDevice) -> Violation | None:
    """No known device has nearly the name: what is signed for a mistyped one supersedes nothing."""
    if device.near is None:
        return None
    name, near = printable(device.name), printable(device.near)
    return Violation(
        f"no device is called '{name}'; did you mean '{near}'?",
        f"if so, --device '{near}' supersedes what is on it; if not, --allow device-near-miss "
        "records that the name is intended",
    )


NEW_DEVICES = (new_device, near_miss)
