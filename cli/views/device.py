"""Devices as text."""

from __future__ import annotations

from collections.abc import Iterator

from ca.documents.device import (
    CertificateOnIt,
    CribDocument,
    DeviceDocument,
    DeviceDoneDocument,
    DeviceListDocument,
    DeviceRecord,
    ListedDevice,
)
from cli.terminal import meaning, one_line, table
from cli.views.ca import plan_entries_text
from cli.views.list import SERIAL_SHOWN, left_text, short_subject


def devices_text(document: DeviceListDocument) -> str:
    """One line a device."""
    if not document.devices:
        return "no devices yet; sipca device set NAME enters one"
    rows = [row for device in document.devices for row in _rows_of(device)]
    head = ("device", "context", "on it", "serial", "until", "left", "target", "addresses")
    drop = ("serial", "target", "addresses")
    return table(rows, head=head, drop=drop, shorten=("on it", "device"))


def _rows_of(device: ListedDevice) -> Iterator[tuple[str, ...]]:
    """A line for each certificate on a device; its facts stand in the first."""
    facts = (device.target or "-", ", ".join(device.addresses) or "-")
    own = "-" if device.context is None else str(device.context)
    if not device.certificates:
        yield device.name, own, "nothing", "-", "-", "-", *facts
    for number, each in enumerate(device.certificates):
        yield (
            device.name if not number else "",
            own if each.context is None else str(each.context),
            short_subject(each.subject),
            each.serial[:SERIAL_SHOWN],
            f"{each.not_after:%Y-%m-%d}",
            _left(each),
            *(facts if not number else ("", "")),
        )


def _left(each: CertificateOnIt) -> str:
    text = left_text(each.days_left)
    return meaning("error", text) if each.days_left < 0 else text


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


def crib_text(document: CribDocument) -> str:
    """What to do first, then the fields of the page in its order, then what to know."""
    name = one_line(document.device)
    lines = [f"{name}, TLS context {document.context}, {one_line(document.target)}"]
    if document.page is None:
        return "\n".join([*lines, *map(one_line, document.first)])
    lines += [f"  {number}. {one_line(each)}" for number, each in enumerate(document.first, 1)]
    lines += [f"  {len(document.first) + 1}. {one_line(document.page)}:", ""]
    rows = [(each.field, each.selector or "-", each.value, each.basis) for each in document.fields]
    lines += [table(rows, head=("field", "type", "what to type", "basis")), ""]
    if document.leave:
        lines.append(f"leave as they are: {', '.join(map(one_line, document.leave))}")
    lines += [f"note: {one_line(each)}" for each in document.notes]
    lines.append(f"then create the CSR: sipca sign FILE --device {name}")
    return "\n".join(lines)


def done_text(document: DeviceDoneDocument) -> str:
    """What was recorded, and what comes next."""
    verb = "recorded" if document.changed else "recorded before"
    what = {"trust": "trust files"}.get(document.step, document.step)
    line = f"{verb}: {one_line(document.device)} has its {what}"
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
