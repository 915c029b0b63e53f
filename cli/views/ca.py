"""CAs and their settings as text."""

from __future__ import annotations

from ca.documents.ca import (
    CAEntry,
    CAListDocument,
    CARecord,
    CARotationDocument,
    OlderCopy,
    PassphraseDocument,
    PlanDocument,
    PlanEntry,
    RetirementDocument,
    RootKeyDocument,
    SettingsDocument,
)
from cli.terminal import one_line, table

_PROTECTIONS = {"none": "unprotected"}
"""How it is said that a key has no passphrase: whoever reads the file can sign."""


def cas_text(cas: list[CARecord]) -> str:
    """One line a CA."""
    rows = [
        (
            ca.role if ca.current else f"earlier {ca.role}",
            ca.subject,
            ca.key,
            f"until {ca.not_after:%Y-%m-%d}",
            f"key: {_PROTECTIONS.get(ca.key_protection, ca.key_protection)}",
            ca.id,
        )
        for ca in cas
    ]
    text = table(rows, indent="  ", drop=(5,), shorten=(1,))
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
    return table(rows, indent="  ", drop=(6,), shorten=(1, 2))


def plan_text(document: PlanDocument) -> str:
    """One line a device and context, those that need a trust file first."""
    if not document.devices:
        return "no device has a live certificate"
    busy = [each for each in document.devices if each.next != "nothing"]
    if not busy:
        return (
            "nothing to do, by what is recorded here: no device waits for trust files or a "
            "certificate"
        )
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
    return table(rows, head=("device", "context", "next", "why"), shorten=("device",))


def retirement_text(document: RetirementDocument) -> str:
    """What was retired, and what follows."""
    verb = "retired" if document.changed else "retired before"
    return f"{verb}: {document.retired.name} ({document.retired.id}); trust files leave it out"


def passphrase_text(document: PassphraseDocument) -> str:
    """Which keys have the new passphrase, and what still opens with the old one."""
    lines = [f"new passphrase: {one_line(name)}" for name in document.changed]
    lines += [f"without one, as before: {one_line(name)}" for name in document.unprotected]
    lines += [
        f"away, with the passphrase of its own file: {one_line(name)}" for name in document.away
    ]
    lines += [f"on a token, with its PIN: {one_line(name)}" for name in document.on_token]
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


def root_key_text(document: RootKeyDocument) -> str:
    """Where the root's key is, what still holds it, and the next step."""
    file = one_line(document.file)
    until = f"{document.crl_until:%Y-%m-%d}" if document.crl_until else "never: there is none"
    if document.key == "here":
        return "\n".join(
            [
                f"written and read back: {file}",
                f"sha256 {document.sha256}",
                f"the key of {one_line(document.ca)} is still here, its CRL holds until {until}",
                "next, with the file's passphrase:",
                f"  sipca crl --ca {document.id} --refresh --lifetime 2y",
                f"  sipca ca drop-root-key --exported {file}",
            ]
        )
    lines = [
        f"the key of {one_line(document.ca)} is no longer here; {file} holds it",
        "keep that file and its passphrase in two places: without it there is no new issuing CA",
        f"its CRL holds until {until}; sipca check warns before the key is needed",
    ]
    if document.older_copies:
        lines.append("backups that still hold the key (copies of the home elsewhere do, too):")
        lines += copies_lines(document.older_copies)
    else:
        lines.append("copies of the home that were made before still hold the key")
    return "\n".join([*lines, *wiped_lines(document.wiped)])
