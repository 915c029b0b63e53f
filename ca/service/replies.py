"""HTTP replies, and how long clients may keep them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec

OCSP_RESPONSE = b"application/ocsp-response"
PKIX_CRL = b"application/pkix-crl"
PKIX_CERT = b"application/pkix-cert"
PEM = b"application/x-pem-file"
PKCS7 = b"application/x-pkcs7-certificates"
JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"


class Reply(msgspec.Struct, frozen=True):
    """A complete HTTP reply; ``headers`` include Content-Type and Content-Length."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def octets(self) -> bytes:
        """Headers, blank line and body on the wire."""
        lines = [b"%b: %b\r\n" % each for each in self.headers]
        return b"".join((*lines, b"\r\n", self.body))


def reply(
    body: bytes,
    media_type: bytes,
    *,
    status: int = 200,
    cache: list[tuple[bytes, bytes]] | None = None,
) -> Reply:
    """A reply that clients must not keep, or may keep as ``cache`` says."""
    headers = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        *(cache or [(b"cache-control", b"no-store")]),
    ]
    return Reply(status, headers, body)


def refusal(status: int, text: str) -> Reply:
    """A reply with a sentence and an error status."""
    return reply(f"{text}\n".encode(), TEXT, status=status)


def keep_until(
    end: datetime, *, made: datetime, tag: str, seconds: int
) -> list[tuple[bytes, bytes]]:
    """Cache headers (RFC 5019, 6.2): keep for some seconds, and never past the end."""
    return [
        (b"cache-control", f"max-age={seconds}, public, no-transform, must-revalidate".encode()),
        (b"expires", _http_date(end)),
        (b"last-modified", _http_date(made)),
        (b"etag", f'"{tag}"'.encode()),
    ]


def _http_date(moment: datetime) -> bytes:
    return format_datetime(moment.astimezone(UTC), usegmt=True).encode()
