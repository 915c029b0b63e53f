"""Requests sent over TLS to see whether anybody is at home: SIP OPTIONS, HTTP GET; and answers."""

from __future__ import annotations

import re
import socket
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec

from ca.errors import attempt
from ca.names.text import printable

Service = Literal["sip", "https", "tls"]
SERVICES: tuple[Service, ...] = ("sip", "https", "tls")
MAX_ANSWER = 16_384
_DATE = re.compile(rb"^date[ \t]*:[ \t]*([^\r\n]{1,64})", re.IGNORECASE | re.MULTILINE)


class Answer(msgspec.Struct, frozen=True):
    """The first line of an answer, and the time that its Date field tells."""

    first_line: str = ""
    date: datetime | None = None


class Request(msgspec.Struct, frozen=True):
    """A request for a host: SIP OPTIONS (RFC 3261, 11) or HTTP GET.

    ``mark``: random characters, so that no request is taken for another's (RFC 3261, 8.1.1.7).
    """

    service: Service
    host: str
    port: int
    mark: str

    def octets(self, connection: socket.socket) -> bytes:
        """The request as it is sent over this connection."""
        target = f"[{self.host}]" if ":" in self.host else self.host
        if self.service == "https":
            lines = ["GET / HTTP/1.1", f"Host: {target}", "Connection: close"]
        else:
            own, own_port = connection.getsockname()[:2]
            own = f"[{own}]" if ":" in own else own
            call = f"{self.mark}-{own_port}"
            lines = [
                f"OPTIONS sip:{target}:{self.port};transport=tls SIP/2.0",
                f"Via: SIP/2.0/TLS {own}:{own_port};branch=z9hG4bK{call};rport",
                "Max-Forwards: 1",
                f"From: <sip:sipca@{own}>;tag={self.mark}",
                f"To: <sip:{target}>",
                f"Call-ID: {call}@{own}",
                "CSeq: 1 OPTIONS",
                f"Contact: <sip:sipca@{own}:{own_port};transport=tls>",
                "Accept: application/sdp",
                "Content-Length: 0",
            ]
        return "\r\n".join([*lines, "", ""]).encode()

    def is_answered(self, data: bytes) -> bool:
        """Whether the header of an answer is there, one that is not provisional."""
        header, separator, _ = data.partition(b"\r\n\r\n")
        return bool(separator) and not header.startswith(b"SIP/2.0 1")


def read_answer(data: bytes) -> Answer:
    """What an answer says; nothing of it is trusted."""
    header = data[:MAX_ANSWER]
    if not header:
        return Answer()
    first = header.partition(b"\n")[0].decode("ascii", "replace").strip()
    match = _DATE.search(header)
    date = attempt(parsedate_to_datetime, match[1].decode("ascii", "replace")) if match else None
    if not isinstance(date, datetime):
        return Answer(printable(first, 80))
    return Answer(
        printable(first, 80), date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    )
