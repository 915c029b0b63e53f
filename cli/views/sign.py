"""The answer of ``sign`` as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ca.documents.sign import Refused, Signed, SigningDocument, Skipped, Superseded
from ca.lint.factoring import MOST_AT_ONCE
from cli.terminal import meaning, one_line, table
from cli.views.account import account_text
from cli.views.files import wrote
from cli.views.findings import findings_text

DIFFERS = "differs-from-request"
"""The finding that lists differences from the request; batches print it, too."""

NO_DEVICE = "no device was recorded: --names FILE.csv, or sipca device set NAME --certificate REF"


def pem_of(document: SigningDocument, *, fullchain: bool) -> str:
    """The PEM of the single certificate; with ``fullchain`` the issuing CA's after it."""
    certificates: list[Signed] = [*document.signed, *document.skipped]
    if not certificates:
        return ""
    leaf = certificates[0].certificate_pem or ""
    issuing = certificates[0].chain_pem.removesuffix(certificates[0].root_pem)
    return leaf + issuing if fullchain else leaf


def single_text(document: SigningDocument, steps: Sequence[str], *, whole: bool = False) -> str:
    """Account, findings, what was signed, until when, where it was written, what to do next.

    ``whole``: the account with every line, also of what was taken as it was asked.
    """
    lines: list[str] = []
    for entry in (*document.signed, *document.skipped):
        lines += [account_text(entry.account, whole=whole)]
        if entry.findings:
            lines += [findings_text(entry.findings)]
    for entry in document.signed:
        verb = meaning("ok", f"{signing_word(dry_run=document.dry_run)}:")
        lines.append(f"{verb} {one_line(entry.subject)}  [{one_line(', '.join(entry.san))}]")
        lines += _facts(entry)
        lines += superseded_lines(entry.superseded)
    for skipped in document.skipped:
        lines.append(f"skipped: {one_line(skipped.subject)}: {skipped.reason}")
        lines += _facts(skipped)
    if document.dry_run and document.signed:
        lines.append("dry run: nothing was written")
    lines += pending_lines(document.pending)
    lines += steps_text(steps)
    certificates = [*document.signed, *document.skipped]
    if certificates and not document.dry_run and certificates[0].files.trusted_root is None:
        lines.append(f"upload files: sipca export {certificates[0].serial} --out DIR")
    return "\n".join(lines)


def _facts(each: Signed) -> list[str]:
    lines = []
    if each.serial:
        lines.append(
            f"  serial {each.serial}  profile {each.profile}  issuer {one_line(each.issuer)}"
        )
    lines.append(f"  valid {each.not_before:%Y-%m-%d %H:%M}Z to {each.not_after:%Y-%m-%d %H:%M}Z")
    files = [
        path for path in (each.files.device, each.files.trusted_root, each.files.fullchain) if path
    ]
    there = set(each.files.unchanged)
    lines += [f"  {wrote(path, unchanged=path in there)}" for path in files]
    return lines


def superseded_lines(superseded: Sequence[Superseded]) -> list[str]:
    """A line for each certificate that a new one replaces: whether and until when it is valid."""
    return [line for old in superseded for line in _superseded(old)]


def _superseded(old: Superseded) -> Iterator[str]:
    if old.revoked:
        yield f"supersedes {old.serial}: revoked now"
    else:
        yield (
            f"supersedes {old.serial}, which stays valid until {old.not_after:%Y-%m-%d}: "
            f"sipca revoke {old.serial[:12]} --reason superseded"
        )
    if old.older_valid:
        what = "one that it superseded is" if old.older_valid == 1 else "older ones are"
        count = "" if old.older_valid == 1 else f"{old.older_valid} "
        yield f"{count}{what} still valid, too: sipca revoke NAME --reason superseded takes all"


def pending_lines(pending: str | None) -> list[str]:
    """Why the CRL does not list yet what was revoked, if so."""
    if pending is None:
        return []
    return [f"the CRL does not list the revocation yet: {one_line(pending)}; sipca crl --refresh"]


def signing_word(*, dry_run: bool) -> str:
    """What was done with a certificate, or would be."""
    return "would sign" if dry_run else "signed"


def rows_text(entries: Sequence[Signed], *, done: str = "signed") -> str:
    """One line a certificate, with what was ``done``, and the warnings."""
    rows = [
        (
            "skipped" if isinstance(each, Skipped) else done,
            each.source,
            each.subject,
            f"until {each.not_after:%Y-%m-%d}",
            each.files.device or "",
        )
        for each in entries
    ]
    lines = [table(rows, drop=(4,), shorten=(2, 1))] if rows else []
    for entry in entries:
        noted = [f for f in entry.findings if f.result == "warn" or f.code == DIFFERS]
        if noted and not isinstance(entry, Skipped):
            lines += [f"{one_line(entry.source)}:", findings_text(noted)]
        lines += [
            f"{one_line(_named(entry))}: {each}" for each in superseded_lines(entry.superseded)
        ]
    return "\n".join(lines)


def _named(entry: Signed) -> str:
    """Its source, or for a request that was read from stdin the device or subject."""
    return entry.source if entry.source != "-" else entry.device or entry.subject


def batch_text(
    document: SigningDocument,
    steps: Sequence[str],
    *,
    signed: int,
    skipped: int,
    done: str,
    rsa: int = 0,
) -> str:
    """The end of a batch: ignored files, counts, next steps."""
    lines = [f"ignored  {one_line(source)}  holds no CSR" for source in document.ignored]
    lines.append(
        f"{done} {signed}   skipped {skipped}   "
        f"refused {len(document.refused)}   ignored {len(document.ignored)}"
    )
    if document.interrupted:
        lines.append(
            f"interrupted: {document.left} were not looked at; the same command goes on with them"
        )
    if document.dry_run:
        lines.append("dry run: nothing was written")
    if rsa and signed > MOST_AT_ONCE:
        lines.append(
            f"in calls of more than {MOST_AT_ONCE} requests RSA keys are not examined for factors; "
            "sipca check does that"
        )
    return "\n".join(lines + pending_lines(document.pending) + steps_text(steps))


def refused_text(refused: Sequence[Refused], *, several: bool = True) -> str:
    """Each refusal as an error with its hint; ``several`` adds the source."""
    lines = []
    for refusal in refused:
        where = f"{one_line(refusal.source)}: " if several else ""
        rule = f" [{refusal.rule}]" if refusal.rule else ""
        lines.append(f"{meaning('error', 'error:')} {where}{one_line(refusal.message)}{rule}")
        if refusal.hint:
            lines.append(f"{meaning('quiet', 'hint:')} {one_line(refusal.hint)}")
    return "\n".join(lines)


def steps_text(steps: Sequence[str]) -> list[str]:
    """The numbered next steps on the device's pages."""
    if not steps:
        return []
    return [
        "next, on the device:",
        *(f"  {n}. {one_line(step)}" for n, step in enumerate(steps, 1)),
    ]
