"""The answer of ``push`` as text."""

from __future__ import annotations

from ca.documents.push import DeviceStep, PushDocument, PushedDevice
from cli.terminal import meaning, one_line, table

WORDS = {"done": "done", "would": "would do", "unchanged": "as it is", "failed": "FAILED"}


def steps_text(steps: list[DeviceStep]) -> str:
    """A line for each step: whether it was done, and what it was."""
    rows = [(_state(each.state), each.step, each.detail) for each in steps]
    return table(rows, indent="  ")


def _state(state: str) -> str:
    word = WORDS.get(state, state)
    return meaning("error", word) if state == "failed" else word


def device_text(device: PushedDevice) -> str:
    """What was done on one device, step by step."""
    firmware = f", firmware {device.version}" if device.version else ""
    head = f"{device.device} context {device.context} at {device.address}{firmware}"
    return f"{one_line(head)}\n{steps_text(device.steps)}"


def push_text(document: PushDocument) -> str:
    """How many devices are up to date, and what was not begun."""
    failed = sum(each.verdict == "fail" for each in document.devices)
    changed = sum(each.changed for each in document.devices)
    well = len(document.devices) - failed
    lines = [f"up to date {well}   changed {changed}   failed {failed}"]
    if not document.devices:
        lines = ["no device has a current certificate to push"]
    if document.not_begun:
        lines.append(f"not begun: {one_line(', '.join(document.not_begun))}")
    if document.dry_run and document.devices:
        lines = ["nothing was changed: --yes does it"]
    lines.append(f"the REST interface is {document.interface}")
    return "\n".join(lines)
