"""Trust bundles as text."""

from __future__ import annotations

from ca.documents.trust import TrustDiffDocument, TrustDocument, TrustDrop, TrustMember
from cli.terminal import one_line, table
from cli.views.findings import findings_text


def build_text(document: TrustDocument) -> str:
    """What went in, what did not and why, how much room is left."""
    lines = [table([_row(each) for each in document.members], indent="  ")]
    lines += [_dropped(each) for each in document.dropped]
    if document.findings:
        lines.append(findings_text(document.findings))
    lines += [f"note: {one_line(each)}" for each in document.notes]
    lines.append(
        f"{len(document.members)} certificates of at most {document.limit} ({document.target})"
    )
    if document.path:
        lines.append(f"wrote {one_line(document.path)}")
    return "\n".join(lines)


def diff_text(document: TrustDiffDocument) -> str:
    """One line a difference."""
    rows = [("only A", *_row(each)) for each in document.only_a]
    rows += [("only B", *_row(each)) for each in document.only_b]
    for old, new in document.changed:
        rows += [("A has", *_row(old)), ("B has", *_row(new))]
    lines = [table(rows)] if rows else ["no difference"]
    lines += [_dropped(each) for each in document.unread]
    return "\n".join([*lines, f"{document.same} in both"])


def _dropped(drop: TrustDrop) -> str:
    verb = "left out" if drop.kind == "duplicate" else "refused"
    source = one_line(drop.source)
    what = f"{one_line(drop.subject)} ({source})" if drop.subject else source
    return f"{verb}: {what}: {one_line(drop.reason)}"


def _row(member: TrustMember) -> tuple[str, ...]:
    return (member.subject, f"until {member.not_after:%Y-%m-%d}", member.fingerprint[:16])
