"""Revocations, CRLs and OCSP signers as text."""

from __future__ import annotations

from ca.documents.revocation import (
    CRLDocument,
    CRLRecord,
    OCSPAnswerDocument,
    PresignDocument,
    RevocationDocument,
    SignersDocument,
)
from cli.terminal import one_line, table


def revocation_text(document: RevocationDocument) -> str:
    """What changed, who is told of it, what is left to do."""
    rows = [
        (each.status, each.serial, one_line(each.device or each.subject), each.reason)
        for each in document.changed
    ]
    lines = [table(rows), "OCSP says so from now on"]
    for crl in document.crls:
        lines.append(_crl_line(crl))
        if crl.pending:
            lines.append(f"  make it: sipca crl --ca {crl.id} --refresh")
    if document.pending:
        lines.append(f"the CRL is pending: {one_line(document.pending)}")
    if document.same_key:
        lines.append("still live with the same key (--all-with-key revokes them too):")
        lines += [f"  {each.serial}  {one_line(each.subject)}" for each in document.same_key]
    return "\n".join(lines)


def crl_text(document: CRLDocument) -> str:
    """Whether it was made, how long it holds, where it went."""
    line = _crl_line(document.crl)
    text = f"made: {line}" if document.made else f"still fresh: {line}"
    return f"{text}\nwrote {one_line(document.path)}" if document.path else text


def _crl_line(crl: CRLRecord) -> str:
    if crl.number is None or crl.next_update is None:
        return f"{one_line(crl.ca)} has no CRL yet"
    tells = "does not tell this yet" if crl.pending else f"{crl.entries} entries"
    return (
        f"CRL {crl.number} of {one_line(crl.ca)}: {tells}, next update {crl.next_update:%Y-%m-%d}"
    )


def signers_text(document: SignersDocument) -> str:
    """One line a signer."""
    rows = [
        (
            "made" if each.made else "still fresh",
            each.subject,
            each.key,
            f"until {each.not_after:%Y-%m-%d}",
            each.serial,
        )
        for each in document.signers
    ]
    return table(rows)


def answer_text(document: OCSPAnswerDocument) -> str:
    """The response status, and why where it is an error."""
    why = f" ({one_line(document.reason)})" if document.reason else ""
    return f"answered {document.status}{why}: {one_line(document.path)}"


def presign_text(document: PresignDocument) -> str:
    """How many answers lie where, until when, and how to serve them."""
    return "\n".join(
        [
            f"{document.written} answers for {document.certificates} certificates in "
            f"{one_line(document.folder)}, {document.removed} old ones removed",
            f"good until {document.next_update:%Y-%m-%d %H:%M}Z: run this again well before, "
            "and after every revocation",
            f"nginx: include {one_line(document.folder)}/nginx.conf inside a server block",
        ]
    )
