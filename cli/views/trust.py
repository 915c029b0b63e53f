"""Trust bundles as text."""

from __future__ import annotations

from ca.documents.trust import (
    TrustCheckDocument,
    TrustCommand,
    TrustDiffDocument,
    TrustDocument,
    TrustDrop,
    TrustExportDocument,
    TrustMember,
)
from ca.encoding.fingerprints import in_pairs
from cli.terminal import one_line, prose, table, verbatim
from cli.views.files import wrote
from cli.views.findings import findings_text


def build_text(document: TrustDocument) -> str:
    """What went in, what did not and why, how much room is left."""
    rows = [_row(each) for each in document.members]
    lines = [table(rows, indent="  ", drop=(2,), shorten=(0,))]
    lines += [_dropped(each) for each in document.dropped]
    if document.findings:
        lines.append(findings_text(document.findings))
    lines += [f"note: {one_line(each)}" for each in document.notes]
    lines.append(
        f"{len(document.members)} certificates of at most {document.limit} ({document.target})"
    )
    if document.path:
        lines.append(wrote(document.path, unchanged=document.unchanged))
    return "\n".join(lines)


def diff_text(document: TrustDiffDocument) -> str:
    """One line a difference."""
    rows = [("only A", *_row(each)) for each in document.only_a]
    rows += [("only B", *_row(each)) for each in document.only_b]
    for old, new in document.changed:
        rows += [("A has", *_row(old)), ("B has", *_row(new))]
    lines = [table(rows, drop=(3,), shorten=(1,))] if rows else ["no difference"]
    lines += [_dropped(each) for each in document.unread]
    return "\n".join([*lines, f"{document.same} in both"])


def export_text(document: TrustExportDocument) -> str:
    """The fingerprints first; then the files, the commands, the steps by hand."""
    lines = []
    for root in document.roots:
        lines.append(f"{one_line(root.subject)}, until {root.not_after:%Y-%m-%d}")
        lines.append(f"  SHA-256  {in_pairs(root.sha256[:32])}")  # two lines: 80 columns
        lines.append(f"           {in_pairs(root.sha256[32:])}")
        lines.append(f"  SHA-1    {in_pairs(root.sha1)}")
    lines.append("compare them by another way (by telephone) before anything is trusted")
    lines += [wrote(each, unchanged=each in document.unchanged) for each in document.files]
    if document.store is None:
        return "\n".join(lines)
    lines.append(one_line(document.description))
    lines += _commands("run:", document.run)
    lines += ["by hand:"] * bool(document.steps)
    lines += [
        prose(f"  {number}. {one_line(step)}") for number, step in enumerate(document.steps, 1)
    ]
    lines += _commands("undo:", document.undo)
    lines += [prose(f"note: {one_line(each)}") for each in document.notes]
    lines.append(prose(f"source: {one_line(document.source)}"))
    return "\n".join(lines)


def check_text(document: TrustCheckDocument) -> str:
    """A line a member, then what the store has beside them."""
    rows: list[tuple[str, ...]] = [
        (
            each.state,
            each.name,
            "-" if each.not_after is None else f"{each.not_after:%Y-%m-%d}",
            (each.sha256 or each.sha1)[:8],
        )
        for each in document.members
    ]
    rows += [
        ("foreign", each.subject, f"{each.not_after:%Y-%m-%d}", each.fingerprint[:8])
        for each in document.foreign
    ]
    head = ("state", "certificate", "until", "SHA-256")
    described = prose(f"{document.pack}: {one_line(document.description)}")
    lines = [described, table(rows, head=head, drop=["SHA-256"], shorten=["certificate"])]
    lines += [_dropped(each) for each in document.unread]
    lines += [prose(f"note: {one_line(each)}") for each in document.notes]
    there = sum(each.state == "there" for each in document.members)
    dated = f", {document.date}" if document.date else ""
    lines.append(prose(f"source: {one_line(document.origin)}{dated}"))
    lines.append(
        f"{document.verdict}: {there} of {len(document.members)} there, "
        f"{len(document.foreign)} foreign"
    )
    return "\n".join(lines)


def ran_text(document: TrustExportDocument) -> str:
    """What was run, and what it said."""
    lines = []
    for each in document.ran:
        lines.append(f"ran: {one_line(each.text)}")
        lines += [f"  {one_line(line)}" for line in each.output.splitlines()]
        if each.exit:
            lines.append(f"error: it ended with exit code {each.exit}; the rest was not run")
    return "\n".join(lines)


def _commands(heading: str, commands: list[TrustCommand]) -> list[str]:
    if not commands:
        return []
    asker = commands[0].as_root and commands[0].shell == "cmd"
    lines = [f"{heading[:-1]}, as administrator:" if asker else heading]
    for each in commands:
        sudo = "sudo " if each.as_root and each.shell == "sh" else ""
        lines.append(verbatim(f"  {sudo}{one_line(each.text)}"))
    return lines


def _dropped(drop: TrustDrop) -> str:
    verb = "left out" if drop.kind == "duplicate" else "refused"
    source = one_line(drop.source)
    what = f"{one_line(drop.subject)} ({source})" if drop.subject else source
    return f"{verb}: {what}: {one_line(drop.reason)}"


def _row(member: TrustMember) -> tuple[str, ...]:
    return (member.subject, f"until {member.not_after:%Y-%m-%d}", member.fingerprint[:16])
