"""The documents about a CA home as text."""

from __future__ import annotations

from ca.documents.certificates import ChainDocument
from ca.documents.home import (
    CARecord,
    InitDocument,
    LogDocument,
    LogEvent,
    SettingsDocument,
    StatusDocument,
)
from cli.terminal import one_line, table


def init_text(document: InitDocument) -> str:
    """What was made, where, until when, what to do next."""
    verb = "made" if document.created else "already there"
    lines = [
        f"{verb}: {one_line(document.ca)} in {one_line(document.home)}",
        cas_text(document.cas),
    ]
    if document.base_url:
        lines.append(f"certificates will point to {document.base_url}")
    if document.created and document.cas[0].key_protection == "passphrase":
        lines.append(
            "keep the passphrase: without it nothing can be signed, and nobody can recover it"
        )
    lines.append("next: sipca sign DEVICE.csr --out DIR")
    return "\n".join(lines)


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


def status_text(document: StatusDocument) -> str:
    """Which CA, what it holds, the head of the chain."""
    held = ", ".join(f"{count} {status}" for status, count in document.certificates.items())
    return "\n".join(
        [
            f"{one_line(document.ca)} in {one_line(document.home)}",
            cas_text(document.cas),
            f"base URL: {document.base_url or 'none'}    target: {document.target}",
            f"certificates: {held or 'none yet'}",
            f"audit trail: {document.audit_events} events, head {document.audit_head}",
        ]
    )


def events_text(events: list[LogEvent]) -> str:
    """One line an event."""
    return table(
        [
            (
                f"{event.at:%Y-%m-%d %H:%M:%S}Z",
                f"{event.os_user}@{event.host}",
                event.action,
                ", ".join(f"{key} {value}" for key, value in event.detail.items())[:200]
                or event.subject,
            )
            for event in events
        ]
    )


def log_text(document: LogDocument) -> str:
    """The head and the verdict."""
    lines = [f"head {document.head}"]
    if document.problems is not None:
        lines += [f"ALTERED: {one_line(problem)}" for problem in document.problems]
        if not document.problems:
            lines.append(
                "the trail is whole; only a head noted elsewhere shows one rewritten whole"
            )
    return "\n".join(lines)


def settings_text(document: SettingsDocument) -> str:
    """What is in force now."""
    verb = "set" if document.changed else "unchanged"
    return f"{verb}: base URL {document.base_url or 'none'}, target {document.target}"


def chain_text(document: ChainDocument) -> str:
    """The PEM itself."""
    return document.pem.rstrip("\n")
