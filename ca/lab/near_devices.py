"""The devices of a lab file that are new and nearly called as one that the home knows."""

from __future__ import annotations

from ca.authority.devices.new_devices import NewDevices
from ca.authority.home import Home
from ca.lab.lab_file import Lab
from ca.model.findings import Finding


def near_devices(home: Home, lab: Lab) -> list[Finding]:
    """A warning for each; before anything is made, since afterwards all are known."""
    allowed = {
        table.device.casefold(): table.allow
        for table in lab.file.certificate
        if table.device is not None
    }
    names = {each.name.casefold(): each.name for each in lab.file.device}
    names |= {
        table.device.casefold(): table.device
        for table in lab.file.certificate
        if table.device is not None
    }
    new = NewDevices(home)
    found = (new.judge(name, allowed.get(folded, ())) for folded, name in names.items())
    return [finding for each in found for finding in each if finding.result == "warn"]
