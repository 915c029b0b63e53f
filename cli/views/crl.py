"""The answer of ``crl`` as text."""

from __future__ import annotations

from ca.documents.crl import CRLDocument, CRLRecord
from cli.terminal import one_line
from cli.views.files import wrote


def crl_text(document: CRLDocument) -> str:
    """Whether a CRL was signed, until when it is valid, where it was written."""
    line = "; ".join(crl_line(each) for each in (document.crl, *document.others))
    text = f"made: {line}" if document.made else f"still fresh: {line}"
    if not document.path:
        return text
    return f"{text}\n{wrote(document.path, unchanged=document.unchanged)}"


def crl_line(crl: CRLRecord) -> str:
    if crl.number is None or crl.next_update is None:
        return f"{one_line(crl.ca)} has no CRL yet"
    tells = "does not list this yet" if crl.pending else f"{crl.entries} entries"
    return (
        f"CRL {crl.number} of {one_line(crl.ca)}: {tells}, next update {crl.next_update:%Y-%m-%d}"
    )
