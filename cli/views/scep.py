"""The answers of ``scep ...`` as text."""

from __future__ import annotations

from ca.documents.scep import (
    ChallengeDocument,
    EnrolmentDecisionDocument,
    EnrolmentDocument,
    EnrolmentListDocument,
    EnrolmentRecord,
    RADocument,
    RefusalRecord,
)
from cli.terminal import Meaning, meaning, one_line, prose, table, verbatim
from cli.views.account import account_text
from cli.views.findings import findings_text
from cli.views.sign import superseded_lines

_MEANINGS: dict[str, Meaning] = {"issued": "ok", "denied": "error", "pending": "warning"}
_REMARKED = ("warn", "fail")


def requests_text(document: EnrolmentListDocument, *, everything: bool) -> str:
    """One line a request, below them what speaks against each; then refusals."""
    lines = []
    if document.requests:
        head = ("id", "claims to be", "names", "key", "from", "received", "status")
        rows = [_row(each) for each in document.requests]
        lines.append(
            table(rows, head=head, drop=("key", "received"), shorten=("names", "claims to be"))
        )
        for each in document.requests:
            remarks = [f for f in each.findings if f.result in _REMARKED]
            if remarks:
                lines.append(f"{each.id}:")
                lines.append(findings_text(remarks))
        if any(each.status == "pending" for each in document.requests):
            lines.append("sipca scep show ID has more; then approve ID, or deny ID")
    else:
        lines.append("no request came yet" if everything else "no request waits")
    lines += _refusals(document.refused, everything=everything)
    return "\n".join(lines)


def _row(each: EnrolmentRecord) -> tuple[str, ...]:
    kind = _MEANINGS.get(each.status)
    status = each.status if kind is None else meaning(kind, each.status)
    if each.renews:
        status += ", a renewal"
    elif each.challenge:
        status += ", with a challenge"
    return (
        str(each.id),
        (each.device or "-") + ("" if each.known or not each.device else " (new)"),
        ", ".join([each.subject, *each.san]),
        each.key,
        each.address or "-",
        f"{each.received_at:%Y-%m-%d %H:%M}Z",
        status,
    )


def _refusals(refused: list[RefusalRecord], *, everything: bool) -> list[str]:
    if not refused:
        return []
    count = sum(each.count for each in refused)
    times = "once" if count == 1 else f"{count} times"
    if not everything:
        last = refused[0]
        return [
            prose(
                f"refused {times} before there was anything to decide, last on "
                f"{last.last_at:%Y-%m-%d %H:%M}Z: {one_line(last.sentence)} "
                f"({one_line(last.address or '-')}); --all shows them"
            )
        ]
    rows = [
        (f"{each.last_at:%Y-%m-%d %H:%M}Z", each.address or "-", f"{each.count} x", each.sentence)
        for each in refused
    ]
    return [f"refused {times} before there was anything to decide:", table(rows)]


def request_text(document: EnrolmentDocument) -> str:
    """What is known of a request, its findings, the account of what it got or would get."""
    each = document.request
    lines = [table(_facts(each))]
    if each.findings:
        lines.append(findings_text(each.findings))
    if document.account:
        lines.append(account_text(document.account))
    if each.status == "pending":
        lines.append(f"sipca scep approve {each.id}, or sipca scep deny {each.id}")
    return "\n".join(lines)


def _facts(each: EnrolmentRecord) -> list[tuple[str, str]]:
    device = each.device or "-"
    if each.device is not None and not each.known:
        device += "  (not known here before)"
    rows = [
        ("request", str(each.id)),
        ("status", each.status),
        ("claims to be", device),
        ("names", ", ".join([each.subject, *each.san])),
        ("key", each.key),
        ("profile", each.profile or "-"),
        ("from", each.address or "-"),
        ("received", f"{each.received_at:%Y-%m-%d %H:%M}Z"),
        ("transaction", each.transaction_id),
        ("challenge", "yes" if each.challenge else "no"),
        ("renews", each.renews or ""),
        ("weak", ", ".join(each.legacy)),
        ("serial", each.serial or ""),
    ]
    if each.decided_at:
        rows.append(("decided", f"{each.decided_at:%Y-%m-%d %H:%M}Z  {each.reason or ''}"))
    return [row for row in rows if row[1]]


def decisions_text(document: EnrolmentDecisionDocument) -> str:
    """What was decided; of what was signed, account and findings."""
    lines: list[str] = []
    for entry in document.signed:
        lines.append(account_text(entry.account))
        if entry.findings:
            lines.append(findings_text(entry.findings))
        lines += superseded_lines(entry.superseded)
    for each in document.decided:
        names = ", ".join([each.subject, *each.san])
        if each.status == "issued":
            verb = meaning("ok", "issued:")
            whose = f" for {one_line(each.device)}" if each.device else ""
            lines.append(f"{verb} {each.id} {one_line(names)}{whose}, serial {each.serial}")
        else:
            lines.append(
                f"{each.status}: {each.id} {one_line(names)}: {one_line(each.reason or '')}"
            )
    if any(each.status == "issued" for each in document.decided):
        lines.append("the device fetches it when it asks again")
    return "\n".join(lines)


def challenge_text(document: ChallengeDocument) -> str:
    """The challenge, what it is for, and what the phone's configuration needs."""
    lines = [findings_text(document.findings)] if document.findings else []
    lines += _challenge(document)
    lines += ["", *_configuration(document)]
    lines += ["", f"server URL  {one_line(document.url or 'http://ADDRESS:8080/scep')}"]
    for each in document.fingerprints:
        lines.append(f"{each.role} CA: {one_line(each.name)}")
        for kind in ("md5", "sha1", "sha256"):
            lines.append(verbatim(f"  {kind:<6}  {getattr(each, kind)}"))
    if document.thresholds:
        lines += ["", "it renews by itself when so much is over:"]
        lines += [f"  {key}: {value}" for key, value in document.thresholds.items()]
    return "\n".join([*lines, "", prose(_next(document))])


def _challenge(document: ChallengeDocument) -> list[str]:
    whose = f"for {one_line(document.device)}" if document.device else "for names that are free"
    times = "once" if document.uses == 1 else f"{document.uses} times"
    until = f"{document.expires:%Y-%m-%d %H:%M}Z"
    lines = [
        prose(f"challenge {whose}, good {times} until {until}; it is shown this once:"),
        verbatim(f"  {document.challenge}"),
    ]
    if document.names:
        lines.append(prose(f"its names: {one_line(', '.join(document.names))}"))
    return lines


def _configuration(document: ChallengeDocument) -> list[str]:
    marked = "" if document.basis == "vendor" else " (inferred)"
    lines = [f"in the phone's configuration file{marked}:"]
    lines += [verbatim(f"  {one_line(each)}") for each in document.configuration]
    if document.digest_basis != "vendor":
        lines.append(f"  (that the fingerprint is {document.digest.upper()} is inferred)")
    return lines


def _next(document: ChallengeDocument) -> str:
    how = (
        "its request is issued by itself"
        if document.automatic
        else "its request waits for sipca scep approve, since the issuing key is not open to sipca "
        "serve"
    )
    if document.url is None:
        return f"no base URL yet: sipca ca set --base-url http://ADDRESS:8080; {how}"
    return f"sipca serve --scep answers the phone; {how}"


def ra_text(document: RADocument) -> str:
    """One line: the RA certificate in force."""
    each = document.ra
    verb = "made" if each.made else "still fresh"
    return table([(verb, each.subject, each.key, f"until {each.not_after:%Y-%m-%d}", each.serial)])
