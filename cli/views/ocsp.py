"""The answers of ``ocsp ...`` as text."""

from __future__ import annotations

from ca.documents.ocsp import OCSPAnswerDocument, PresignDocument, SignersDocument
from cli.terminal import one_line, table


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
    """How many answers were written, until when they are valid, how to serve them."""
    written = f", {document.written} of them written now" if document.kept else ""
    too_long = []
    if document.too_long:
        too_long = [
            f"{document.too_long} requests have no answer here: a file cannot be named after them, "
            "so long are their serial numbers (sipca serve answers them)"
        ]
    return "\n".join(
        [
            f"{document.written + document.kept} answers for {document.certificates} certificates "
            f"in {one_line(document.folder)}{written}, {document.removed} old ones removed",
            *too_long,
            f"good until {document.next_update:%Y-%m-%d %H:%M}Z: run this again well before, "
            "and after every revocation",
            f"nginx: include {one_line(document.folder)}/nginx.conf inside a server block",
        ]
    )
