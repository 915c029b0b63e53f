"""Devices as text."""

from __future__ import annotations

from collections.abc import Iterator

from ca.documents.device import (
    CertificateOnIt,
    CribDocument,
    CribLine,
    DeviceDocument,
    DeviceDoneDocument,
    DeviceListDocument,
    DeviceRecord,
    ListedDevice,
)
from cli.terminal import meaning, one_line, prose, table
from cli.views.ca import plan_entries_text
from cli.views.findings import findings_text
from cli.views.list import SERIAL_SHOWN, left_text, short_subject, status_text


def devices_text(document: DeviceListDocument) -> str:
    """One line a device."""
    if not document.devices:
        return "no devices yet; sipca device set NAME enters one"
    rows = [row for device in document.devices for row in _rows_of(device)]
    head = ("device", "context", "signed for it", "serial", "until", "left", "target", "addresses")
    drop = ("serial", "target", "addresses")
    return table(rows, head=head, drop=drop, shorten=("signed for it", "device"))


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
    lines = [findings_text(document.findings)] if document.findings else []
    lines.append(_record_text(document.device))
    for record in document.certificates:
        rows = [
            ("certificate", record.serial),
            ("status", status_text(record.status)),
            ("until", f"{record.not_after:%Y-%m-%d}  {left_text(record.days_left)}"),
            ("context", "-" if record.context is None else str(record.context)),
            ("names", ", ".join([record.subject, *record.san])),
            ("key", f"{record.key}  (SHA-256 {record.key_identity[:16]})"),
            ("from", record.source),
            ("files", ", ".join(record.files)),
        ]
        lines += ["", table(rows)]
    if not document.certificates:
        lines.append(
            f"nothing signed for it yet: sipca sign FILE --device {one_line(document.device.name)}"
        )
    return "\n".join(lines)


def removed_text(document: DeviceDocument) -> str:
    """What was removed, and what stays."""
    kept = len(document.certificates)
    return f"forgotten: {one_line(document.device.name)}; its {kept} certificates stay as they are"


def done_text(document: DeviceDoneDocument) -> str:
    """What was recorded, and what comes next."""
    verb = "recorded" if document.changed else "recorded before"
    what = {"trust": "trust files"}.get(document.step, document.step)
    line = f"{verb}: {one_line(document.device)} has its {what}"
    return f"{line}\n{plan_entries_text(document.devices)}"


def crib_text(document: CribDocument) -> str:
    """The way to the page, then a line a field: label, selector, what to type."""
    context = "" if document.context is None else f", TLS context {document.context}"
    lines = [f"{one_line(document.device)}{context}: {one_line(document.description)}"]
    if document.lines:
        marked = "" if document.basis == "vendor" else " (inferred)"
        if document.key is not None:
            at = f", at {one_line(document.key_page)}" if document.key_page else ""
            lines.append(
                prose(
                    f"first{at}: a new key, {document.key}; a key made after the CSR makes the "
                    "certificate useless"
                )
            )
        lines.append(prose(f"then {one_line(document.page)}{marked}:"))
        head = ("field", "selector", "type", "")
        rows = [
            (each.field, each.selector or "", each.value, _note(each)) for each in document.lines
        ]
        lines.append(table(rows, head=head, indent="  "))
    if document.leave:
        lines.append(prose(f"leave empty, or as your rules want: {', '.join(document.leave)}"))
    lines += [prose(one_line(note)) for note in document.notes]
    return "\n".join(lines)


def _note(line: CribLine) -> str:
    inferred = "" if line.basis == "vendor" else "(inferred)"
    return " ".join(part for part in (line.note or "", inferred) if part)


def _record_text(device: DeviceRecord) -> str:
    rows = [
        ("device", device.name),
        ("target", device.target or "the home's"),
        ("context", "none" if device.context is None else str(device.context)),
        ("addresses", ", ".join(device.addresses) or "-"),
        ("Proxy Sets", ", ".join(device.proxy_sets) or "-"),
    ]
    return table(rows)
