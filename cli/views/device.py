"""Devices as text."""

from __future__ import annotations

from ca.documents.device import (
    DeviceDocument,
    DeviceDoneDocument,
    DeviceListDocument,
    DeviceRecord,
)
from cli.terminal import one_line, table
from cli.views.ca import plan_entries_text


def devices_text(document: DeviceListDocument) -> str:
    """One line a device."""
    if not document.devices:
        return "no devices yet; sipca device set NAME enters one"
    rows = [
        (
            each.name,
            each.target or "-",
            "-" if each.context is None else str(each.context),
            ", ".join(each.addresses) or "-",
        )
        for each in document.devices
    ]
    return table(rows, head=("device", "target", "context", "addresses"))


def device_text(document: DeviceDocument) -> str:
    """What is known of it, then a paragraph a certificate, newest first."""
    lines = [_record_text(document.device)]
    for record in document.certificates:
        rows = [
            ("certificate", f"{record.serial}  {record.status}, until {record.not_after:%Y-%m-%d}"),
            ("context", "-" if record.context is None else str(record.context)),
            ("names", ", ".join([record.subject, *record.san])),
            ("key", f"{record.key}  (SHA-256 {record.key_identity[:16]})"),
            ("from", record.source),
            ("files", ", ".join(record.files)),
        ]
        lines += ["", table(rows)]
    if not document.certificates:
        lines.append(
            f"nothing on it yet: sipca sign FILE --device {one_line(document.device.name)}"
        )
    return "\n".join(lines)


def removed_text(document: DeviceDocument) -> str:
    """What was removed, and what stays."""
    kept = len(document.certificates)
    return f"forgotten: {one_line(document.device.name)}; its {kept} certificates stay as they are"


def done_text(document: DeviceDoneDocument) -> str:
    """What was recorded, and what comes next."""
    verb = "recorded" if document.changed else "recorded before"
    line = f"{verb}: {one_line(document.device)} has its {document.step}"
    return f"{line}\n{plan_entries_text(document.devices)}"


def _record_text(device: DeviceRecord) -> str:
    rows = [
        ("device", device.name),
        ("target", device.target or "the home's"),
        ("context", "none" if device.context is None else str(device.context)),
        ("addresses", ", ".join(device.addresses) or "-"),
        ("Proxy Sets", ", ".join(device.proxy_sets) or "-"),
    ]
    return table(rows)
