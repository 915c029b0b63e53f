"""Presigned OCSP answers, one file for each request, for a static web server (RFC 6960, A.1).

A file's name is the base64 of the request that it answers. A ``/`` in it separates folders, since
a web server treats ``/`` and ``%2F`` alike. RFC 5019 describes such requests.

Web servers and file systems take ``//`` for ``/``, and a ``/`` at the end for none. A name that
loses one so gets an ending that base64 does not have: what is left of it may be the folder of
another request's answer, where serial numbers follow each other.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ca.encoding import oids
from ca.errors import MalformedError
from ca.model.escaping import escape_undecodable
from ca.names.text import printable
from ca.revocation.ocsp import HASHES, Responder, cert_id, request_for
from ca.revocation.presigned import STATE

UNAUTHORIZED = "unauthorized.ocsp"
"""The file that the web server sends for every request without a presigned answer."""
ENDING = ".ocsp"
"""What the names of files end with that lost a ``/``."""
LONGEST = 255
"""Octets that the name of a file or folder may have."""
MANIFEST = "presigned.txt"
SNIPPET = "nginx.conf"
HASH_NAMES = {
    "sha1": oids.SHA1,
    "sha256": oids.SHA256,
    "sha384": oids.SHA384,
    "sha512": oids.SHA512,
}
"""The hashes of CertIDs as operators name them."""


class Presigned(NamedTuple):
    """A request to presign an answer for, and the relative path of the answer's file."""

    request: bytes
    path: str

    @property
    def is_too_long(self) -> bool:
        """Whether no file can bear the name: serial numbers of over 20 octets make it so long."""
        return len(self.path) > LONGEST and max(map(len, self.path.split("/"))) > LONGEST


def requests_for(
    responder: Responder, serial: int, hashes: Sequence[str] = tuple(HASHES)
) -> Iterator[Presigned]:
    """All requests without a nonce that clients may send for one certificate.

    They differ in the hash of the CertID, and in whether its parameters are NULL or absent.
    """
    for hash_oid in hashes:
        for with_null in (True, False):
            request = request_for(cert_id(responder, hash_oid, serial, with_null=with_null))
            yield Presigned(request, path_of(request))


def path_of(request: bytes) -> str:
    """The relative path of the answer to a request."""
    text = b64encode(request).decode("ascii")
    if "//" not in text and not text.endswith("/"):
        return text
    return "/".join(part for part in text.split("/") if part) + ENDING


def nginx_snippet(folder: str, *, seconds: int) -> str:
    """The nginx configuration that serves a folder of presigned answers by GET; sipca tests it.

    Its first line never changes: by it, sipca recognises the file as its own and replaces it.

    Raises:
        MalformedError: the folder's path cannot be written in an nginx configuration, where ``$``
            always begins a variable.
    """
    if "$" in folder or printable(folder, limit=len(folder)) != escape_undecodable(folder):
        raise MalformedError(
            f"the path '{printable(folder)}' cannot be written in an nginx configuration",
            hint="choose an --out whose absolute path has no $ and no control characters",
        )
    hidden = "|".join(each.replace(".", "[.]") for each in (MANIFEST, STATE, SNIPPET))
    quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
    return f"""\
# OCSP answers that 'sipca ocsp presign' made: include this inside server {{ ... }}.
# nginx reads %2F, %2B and %3D as / + and =, and // as one /, just as the files lie.
location / {{
    root "{quoted}";
    rewrite ^(.+)/$ $1 break; # base64 may end with a /, and nginx would look for a folder
    try_files $uri $uri{ENDING} =404; # the second where base64 has // or a / at the end
    types {{ }}
    default_type application/ocsp-response;
    limit_except GET {{ deny all; }}
    add_header Cache-Control "max-age={seconds}, public, no-transform, must-revalidate";
    error_page 404 =200 /{UNAUTHORIZED};
    location ~ ^/({hidden})/?$ {{
        return 404;
    }}
}}
"""
