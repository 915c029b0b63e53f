"""Ask an OCSP responder by HTTP, to see whether it answers at all."""

from __future__ import annotations

import http.client
from contextlib import closing
from urllib.parse import urlsplit

from cryptography.x509 import ocsp

from ca.model.observations import Responder
from ca.wire.connection import Limits, reason_of

MAX_ANSWER = 65_536


def ask_responder(url: str, request: bytes, limits: Limits) -> Responder:
    """Post a request to a responder; what its answer says of certificates does not matter here."""
    try:
        return Responder(url=url, failure=_failure(url, request, limits))
    except http.client.HTTPException:
        return Responder(url=url, failure="what answers does not speak HTTP")
    except (OSError, UnicodeError, ValueError) as error:
        failure = reason_of(error) if isinstance(error, OSError) else "its URL cannot be used"
        return Responder(url=url, failure=failure)


def _failure(url: str, request: bytes, limits: Limits) -> str:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        return "only http: URLs are asked"
    connection = http.client.HTTPConnection(
        parts.hostname, parts.port or 80, timeout=limits.connect
    )
    with closing(connection):
        headers = {"Content-Type": "application/ocsp-request"}
        connection.request("POST", parts.path or "/", request, headers)
        response = connection.getresponse()
        body = response.read(MAX_ANSWER)
    if response.status != 200:
        return f"it answers with HTTP {response.status}"
    try:
        status = ocsp.load_der_ocsp_response(body).response_status
    except ValueError:
        return "its answer is no OCSP response"
    return (
        "" if status == ocsp.OCSPResponseStatus.SUCCESSFUL else f"it answers {status.name.lower()}"
    )
