"""What the register has and a lab file does not mention: it is told, and never removed."""

from __future__ import annotations

import os
from pathlib import Path

from ca.authority.home import Home
from ca.documents.apply import Unlisted
from ca.encoding.certificates import common_name
from ca.lab.lab_file import Lab
from ca.model.status import CURRENT
from ca.store import certificates, devices
from ca.store.certificates import CertificateRow


def unlisted(home: Home, lab: Lab) -> list[Unlisted]:
    """Devices and current certificates that no table of the file is about."""
    named = {each.name.casefold() for each in lab.file.device}
    named |= {each.device.casefold() for each in lab.file.certificate if each.device}
    found = [
        Unlisted("device", row.name, None)
        for row in devices.devices(home.store)
        if row.name.casefold() not in named
    ]
    names = {name.casefold() for each in lab.file.certificate for name in each.issue}
    files = {Path(each.csr).name for each in lab.file.certificate if each.csr is not None}
    now = home.now()
    for row in certificates.certificates(home.store, in_use=True):
        if row.status(now) in CURRENT and not _is_listed(row, named, names, files):
            name = row.device or common_name(row.tbs) or row.serial.hex()
            found.append(Unlisted("certificate", name, row.serial.hex()))
    return found


def _is_listed(row: CertificateRow, devices_: set[str], names: set[str], files: set[str]) -> bool:
    if (row.device or "").casefold() in devices_ or os.path.basename(row.source) in files:  # noqa: PTH119 - a million times
        return True
    return bool(names) and (common_name(row.tbs) or "").casefold() in names
