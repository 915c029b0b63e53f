"""The steps of one certificate's upload, and which of them the operator has ticked.

Ticks are state, kept under the certificate's serial: a renewed certificate has to be loaded anew.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256

from ca.authority.devices.plan import Step, plan, record_step
from ca.authority.home import Home
from ca.authority.refs import find
from ca.authority.upload_files import TRUSTED_ROOT, device_name, single_files, stem_of_row
from ca.device.request_rules import next_steps
from ca.documents.device import UploadStep
from ca.errors import NotFoundError
from ca.profiles.target import Target
from ca.store import devices, settings
from ca.store.audit import Event
from ca.store.certificates import CertificateRow

_ON_DEVICE: dict[str, Step] = {"{trusted_root}": "trust", "{device}": "certificate"}
"""The step of a rotation that is done with the step of an upload that names a file."""


def target_of(home: Home, device: str | None) -> Target:
    """The kind of a device, by default the home's."""
    known = devices.device(home.store, device) if device else None
    return home.library.target((known and known.target) or home.target)


def upload_steps(home: Home, ref: str) -> list[UploadStep]:
    """The steps in the order of the device's pages, each with its tick.

    Raises:
        CAError: the REF matches none, or several.
    """
    row = find(home, ref).row
    ticked = _ticked(home, row)
    texts = next_steps(
        target_of(home, row.device),
        device=device_name(stem_of_row(row), row.context),
        trusted_root=TRUSTED_ROOT,
        singles=single_files(home),
        context=row.context,
    )
    return [UploadStep(id=_id(each), text=each, done=_id(each) in ticked) for each in texts]


def tick_steps(home: Home, ref: str, done: Collection[str]) -> list[UploadStep]:
    """Remember exactly these steps, by their ids, as done.

    One that loads the trust file or the device's certificate is recorded as ``device done`` does.

    Raises:
        CAError: the REF matches none, or several.
        NotFoundError: there is no such step.
    """
    home.assert_sound()
    row, steps = find(home, ref).row, upload_steps(home, ref)
    unknown = sorted({*done} - {each.id for each in steps})
    if unknown:
        raise NotFoundError(
            f"this certificate's upload has no step '{unknown[0][:40]}'",
            hint="open its page anew: the device's kind may have changed",
        )
    before = {each.id for each in steps if each.done}
    if before == {*done}:
        return steps
    ordered = [each.id for each in steps if each.id in done]
    detail = {"serial": row.serial.hex(), "done": str(len(ordered)), "of": str(len(steps))}
    with home.store.write():
        settings.write(home.store, _setting(row), " ".join(ordered) or None)
        home.record(Event("upload-steps", row.device or row.serial.hex(), detail))
    _record_on_device(home, row, {*done} - before, steps)
    return upload_steps(home, ref)


def _record_on_device(
    home: Home, row: CertificateRow, ticked: Collection[str], steps: list[UploadStep]
) -> None:
    """Record for the plan of rotations what was loaded, if this certificate is the newest there."""
    templates = target_of(home, row.device).steps
    loaded = {
        step
        for template, each in zip(templates, steps, strict=False)
        for place, step in _ON_DEVICE.items()
        if each.id in ticked and place in template.text
    }
    mine = [each for each in plan(home).devices if each.serial == row.serial.hex()]
    for entry in mine:
        for step in sorted(loaded):
            if step == "trust" or entry.issuer == home.ca("issuing").issuer.ca_id:
                record_step(home, entry.device, step, context=entry.context)


def _ticked(home: Home, row: CertificateRow) -> set[str]:
    return {*(settings.read(home.store, _setting(row)) or "").split()}


def _setting(row: CertificateRow) -> str:
    return f"upload-steps {row.serial.hex()}"


def _id(text: str) -> str:
    """A step is known by its words, so that a tick never means another one."""
    return sha256(text.encode()).hexdigest()[:12]
