"""What an upload sheet tells to do: before anything else, on the way to the page, and there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ca.profiles.patterns import fill
from ca.profiles.target import Step, Target


class SheetStep(msgspec.Struct, frozen=True):
    """One thing to do, and what to do if it does not work; inferences are marked."""

    text: str
    otherwise: str = ""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the files go: the device's address, the TLS context, the names of the files.

    ``singles`` are the trust files that hold one certificate each, in upload order; ``key`` is the
    key's file where the key was not made on the device.
    """

    target: Target
    address: str | None
    context: int | None
    device: str
    bundle: str
    singles: tuple[str, ...]
    key: str | None = None

    @property
    def one_by_one(self) -> bool:
        """Whether each CA certificate is imported from a file of its own."""
        return self.target.trust.several_in_one != "yes"


def before(place: Place) -> list[SheetStep]:
    """What comes before anything else."""
    return _filled(place, place.target.before)


def way(place: Place) -> list[SheetStep]:
    """From the start page to where the files are loaded."""
    return _filled(place, place.target.way)


def steps(place: Place) -> list[SheetStep]:
    """The upload, with one import for each CA certificate unless a file may hold several."""
    key_is_told = any("private_key" in each.text for each in place.target.steps)
    if place.key is None or key_is_told:
        return _filled(place, place.target.steps)
    load = Step(
        f"load the private key, {place.key}: it was made by sipca, not on this device",
        "inferred",
        "the certificate alone is of no use here: the private key status would not say OK",
    )
    at = [number for number, each in enumerate(place.target.steps) if "{device}" in each.text]
    first = at[0] if at else len(place.target.steps)
    told = place.target.steps
    return _filled(place, (*told[:first], load, *told[first:]))


def notes(place: Place) -> list[str]:
    """What is good to know; there is nothing to do about it."""
    target = place.target
    lines = [each.text for each in _filled(place, target.notes)]
    if target.rest.trusted_root and target.rest.trusted_root_replaces:
        path = fill(target.rest.trusted_root, {"context": str(place.context or 0)})
        lines.append(
            f"by REST, PUT {path} replaces the whole store: add again what was in it before"
        )
    if target.alarm.start_days:
        days, basis = target.alarm.start_days, target.alarm.basis
        lines.append(f"the expiry alarm starts {days} d before expiry ({basis})")
    if target.trust.several_in_one == "unknown":
        lines.append(
            "it is not known whether the page takes several certificates from one file: so one "
            f"import at a time; {place.bundle} holds them all, for REST"
        )
    return lines


def _filled(place: Place, told: Sequence[Step]) -> list[SheetStep]:
    wanted = [each for each in told if each.context in (None, place.context or 0)]
    return [made for step in wanted for made in _each_import(place, step)]


def _each_import(place: Place, step: Step) -> Iterator[SheetStep]:
    values = {
        "device": place.device,
        "context": "not recorded (ask for it)" if place.context is None else str(place.context),
        "address": place.address or "ADDRESS",
        "trusted_root": place.bundle,
        "slot": "0",
    }
    if "{trusted_root}" not in step.text or not place.one_by_one:
        yield _step(step, values)
        return
    for slot, name in enumerate(place.singles):
        made = _step(step, {**values, "trusted_root": name, "slot": str(slot)})
        yield msgspec.structs.replace(made, otherwise=made.otherwise if slot == 0 else "")


def _step(step: Step, values: Mapping[str, str]) -> SheetStep:
    text, otherwise = fill(step.text, values), fill(step.otherwise, values)
    if step.basis == "inferred":
        text = f"{text} (inferred)"
    if otherwise and step.otherwise_basis == "inferred":
        otherwise = f"{otherwise} (inferred)"
    return SheetStep(text, otherwise)
