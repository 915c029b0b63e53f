"""Rules for devices: new ones, mistyped ones, and such with two certificates in one place."""

from __future__ import annotations

import msgspec

from ca.model.findings import Violation, cases, rule
from ca.names.text import printable


class NewDevice(msgspec.Struct, frozen=True):
    """A device's name that the register does not know, and the known one it is nearly, if any.

    ``is_set``: it is registered, and nothing is signed for it.
    """

    name: str
    near: str | None = None
    is_set: bool = False


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
    hint = (
        f"if so, --device '{near}' supersedes what is on it; if not, --allow device-near-miss "
        "records that the name is intended"
    )
    if device.is_set:
        hint = f"if so: sipca device remove '{name}', and set '{near}'"
    return Violation(f"no device is called '{name}'; did you mean '{near}'?", hint)


class TakenOver(msgspec.Struct, frozen=True):
    """The device and context of an earlier certificate of the same request or key."""

    device: str
    context: int | None


@rule("device-taken-over", "info", "decision 57")
@cases(
    "The device is named: --device sbc1.",
    "It was attached to the certificate before: device set sbc1 --certificate REF.",
)
def taken_over(place: TakenOver) -> Violation:
    """The device is named, and not that of the request's certificate before."""
    name = printable(place.device)
    name += "" if place.context is None else f" context {place.context}"
    return Violation(f"it is for {name}, which an earlier certificate of it was attached to")


class Sharing(msgspec.Struct, frozen=True):
    """The current certificates in one place of a device, by the start of their serials."""

    device: str
    context: int | None
    serials: tuple[str, ...]


@rule("device-two-current", "warning", "decision 57")
@cases(
    "A TLS context has one current certificate.",
    "A certificate was attached to a context that has another one already.",
)
def two_current(place: Sharing) -> Violation | None:
    """A place of a device has one current certificate: a TLS context holds no more."""
    if len(place.serials) < 2:
        return None
    name = printable(place.device)
    name += "" if place.context is None else f" context {place.context}"
    first, *others = place.serials
    return Violation(
        f"{name} has {len(place.serials)} current certificates: {', '.join(place.serials)}",
        f"the next one that is signed supersedes them; if {first} is the one in use, "
        f"sipca revoke {others[0]} --reason superseded",
    )


NEW_DEVICES = (new_device, near_miss)
