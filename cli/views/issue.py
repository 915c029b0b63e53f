"""Keys and certificates made here, as text."""

from __future__ import annotations

from ca.documents.issue import IssueDocument
from cli.terminal import one_line
from cli.views.findings import findings_text
from cli.views.server import server_lines
from cli.views.sign import pending_lines, superseded_lines

_MADE = {
    "key-and-certificate": "made: key and certificate",
    "certificate": "renewed: the certificate, for the key that was there",
    "nothing": "kept: key and certificate are there and good",
}


def issued_text(document: IssueDocument) -> str:
    """Remarks on the clock, what was issued, where it was written, until when it is valid."""
    san = ", ".join(map(one_line, document.san)) or "no SAN: known by the CN"
    names = f"{one_line(document.subject)}  [{san}]"
    begin, end = f"{document.not_before:%Y-%m-%d %H:%M}Z", f"{document.not_after:%Y-%m-%d %H:%M}Z"
    noted = [findings_text(document.findings)] if document.findings else []
    return "\n".join(
        [
            *noted,
            f"{_MADE[document.made]} for {names}",
            f"  serial {document.serial}  profile {document.profile}",
            f"  valid {begin} to {end}",
            *_file_lines(document),
            *superseded_lines(document.superseded),
            *pending_lines(document.pending),
        ]
    )


def _file_lines(document: IssueDocument) -> list[str]:
    """Where the files are, or for a target all that its server is to be told."""
    files = document.files
    only = "(the only copy: sipca keeps none)"
    if document.server is not None:
        lines = server_lines(document.server)
        return [*lines, f"keep {one_line(files.key)}: it holds the key {only}"]
    named = {
        "certificate": files.device,
        "with chain": files.fullchain,
        "trusted": files.trusted_root,
    }
    lines = [f"  {what:<11}  {one_line(path)}" for what, path in named.items() if path]
    return [f"  key          {one_line(files.key)}  {only}", *lines]
