"""CAs and their settings as text."""

from __future__ import annotations

from ca.documents.ca import CARecord, OlderCopy, PassphraseDocument, SettingsDocument
from cli.terminal import one_line, table


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


def passphrase_text(document: PassphraseDocument) -> str:
    """Which keys have the new passphrase, and what still opens with the old one."""
    lines = [f"new passphrase: {one_line(name)}" for name in document.changed]
    lines += [f"without one, as before: {one_line(name)}" for name in document.unprotected]
    lines += [
        f"away, with the passphrase of its own file: {one_line(name)}" for name in document.away
    ]
    lines.append("backups and copies made before open with the old one")
    return "\n".join([*lines, *copies_lines(document.older_copies), *wiped_lines(document.wiped)])


def copies_lines(copies: list[OlderCopy]) -> list[str]:
    """A line for each older backup."""
    return [f"  {one_line(each.file)} of {each.made_at:%Y-%m-%d %H:%M} UTC" for each in copies]


def wiped_lines(wiped: bool) -> list[str]:
    """What to do if the old octets could not be removed from the -wal."""
    if wiped:
        return []
    return [
        "another process keeps the old state of ca.db-wal, which still holds the key as it was",
        "  stop sipca serve, then run: sipca status",
    ]
