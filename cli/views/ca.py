"""CAs and their settings as text."""

from __future__ import annotations

from ca.documents.ca import CARecord, SettingsDocument
from cli.terminal import table


def cas_text(cas: list[CARecord]) -> str:
    """One line a CA."""
    rows = [
        (
            ca.role,
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
