"""OCSP answers made ahead, one file a request, for a static web server (RFC 6960, A.1; RFC 5019).

A file's name is the base64 of the request that it answers; where that holds a ``/`` it goes
into folders, which is what a web server makes of ``/`` and of ``%2F`` alike.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import NamedTuple

from ca.errors import MalformedError
from ca.model.escaping import escape_undecodable
from ca.names.text import printable
from ca.revocation.ocsp import HASHES, Responder, cert_id, request_for

UNAUTHORIZED = "unauthorized.ocsp"
"""The file that a web server hands out for every request it has no answer to."""
MANIFEST = "presigned.txt"
SNIPPET = "nginx.conf"


class Presigned(NamedTuple):
    """A request to be answered ahead, and the file that the answer goes to."""

    request: bytes
    path: str


def requests_for(responder: Responder, serial: int) -> Iterator[Presigned]:
    """Every request that a client makes for one certificate without a nonce.

    By each CertID hash, with NULL parameters and without: clients differ in that.
    """
    for name in HASHES:
        for with_null in (True, False):
            request = request_for(cert_id(responder, name, serial, with_null=with_null))
            yield Presigned(request, path_of(request))


def path_of(request: bytes) -> str:
    """Where the answer to a request lies below the folder; ``//`` is one ``/`` to file systems."""
    return "/".join(part for part in b64encode(request).decode("ascii").split("/") if part)


def nginx_snippet(folder: str, *, seconds: int) -> str:
    """What makes nginx hand out a folder of presigned answers by GET, as tested by sipca.

    Raises:
        MalformedError: the folder's name cannot be spelled in nginx's language: a ``$`` always
            begins a variable there.
    """
    if "$" in folder or printable(folder, limit=len(folder)) != escape_undecodable(folder):
        raise MalformedError(
            f"nginx cannot name the folder '{printable(folder)}'",
            hint="choose an --out whose whole path has neither $ nor control characters",
        )
    quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
    return f"""\
# OCSP answers that 'sipca ocsp presign' made: include this inside server {{ ... }}.
# nginx reads %2F, %2B and %3D as / + and =, and // as one /, just as the files lie.
location / {{
    root "{quoted}";
    rewrite ^(.+)/$ $1 break; # base64 may end with a /, and nginx would look for a folder
    types {{ }}
    default_type application/ocsp-response;
    limit_except GET {{ deny all; }}
    add_header Cache-Control "max-age={seconds}, public, no-transform, must-revalidate";
    error_page 404 =200 /{UNAUTHORIZED};
    location ~ ^/({MANIFEST.replace(".", "[.]")}|{SNIPPET.replace(".", "[.]")})/?$ {{
        return 404;
    }}
}}
"""
