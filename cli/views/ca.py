"""CAs and their settings as text."""

from __future__ import annotations

from ca.documents.ca import (
    CAEntry,
    CAListDocument,
    CARecord,
    CARotationDocument,
    PlanDocument,
    PlanEntry,
    RetirementDocument,
    SettingsDocument,
)
from cli.terminal import table


def cas_text(cas: list[CARecord]) -> str:
    """One line a CA."""
    rows = [
        (
            ca.role if ca.current else f"earlier {ca.role}",
            ca.subject,
            ca.key,
            f"until {ca.not_after:%Y-%m-%d}",
            f"key: {ca.key_protection}",
            ca.id,
        )
        for ca in cas
    ]
    text = table(rows, indent="  ")
    for ca in cas:
        if ca.permitted:
            text += f"\n  {ca.role} signs only inside {', '.join(ca.permitted)}"
    return text


def settings_text(document: SettingsDocument) -> str:
    """The settings in force."""
    verb = "set" if document.changed else "unchanged"
    return f"{verb}: base URL {document.base_url or 'none'}, target {document.target}"


def list_text(document: CAListDocument) -> str:
    """One line a CA certificate."""
    return _entries_text(document.cas)


def rotation_text(document: CARotationDocument) -> str:
    """What was made, and what comes next."""
    verb = "would make" if document.dry_run else "made"
    if document.resumed:
        verb = "finished what was begun before, and made"
    lines = [f"{document.ca} in {document.home}: {verb}", _entries_text(document.cas)]
    lines += [f"note: {note}" for note in document.notes]
    if not document.dry_run:
        lines.append("next: sipca ca plan says what each device needs, and in which order")
    return "\n".join(lines)


def _entries_text(cas: list[CAEntry]) -> str:
    rows = [
        (
            each.role,
            each.name,
            f"cross certificate by {each.cross_of}" if each.cross_of else each.state,
            f"until {each.not_after:%Y-%m-%d}",
            f"key: {each.key}",
            "-" if each.cross_of else f"{each.live} live",
            each.id or "-",
        )
        for each in cas
    ]
    return table(rows, indent="  ")


def plan_text(document: PlanDocument) -> str:
    """One line a device and context, those that need a trust file first."""
    if not document.devices:
        return "no device has a live certificate"
    busy = [each for each in document.devices if each.next != "nothing"]
    if not busy:
        return "nothing to do: each device has the current trust files and certificate"
    ways = [
        f"{step}: {way}, upload, then sipca device done DEVICE --step {step}"
        for step, way in (
            ("trust", "sipca export DEVICE --out DIR"),
            ("certificate", "sipca renew DEVICE --out DIR"),
        )
        if any(each.next == step for each in busy)
    ]
    return "\n".join([plan_entries_text(document.devices), *ways])


def plan_entries_text(entries: list[PlanEntry]) -> str:
    """What each device and context needs next."""
    rows = [
        (each.device, "-" if each.context is None else str(each.context), each.next, each.why)
        for each in entries
    ]
    return table(rows, head=("device", "context", "next", "why"))


def retirement_text(document: RetirementDocument) -> str:
    """What was retired, and what follows."""
    verb = "retired" if document.changed else "retired before"
    return f"{verb}: {document.retired.name} ({document.retired.id}); trust files leave it out"
