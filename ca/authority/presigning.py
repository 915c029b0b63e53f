"""Writing OCSP answers ahead for a static web server."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from ca.authority.home import Home
from ca.authority.responding import Register
from ca.documents.revocation import PresignDocument
from ca.errors import KeyUnavailableError, MalformedError
from ca.files import make_folder, read_bounded, write_atomic
from ca.revocation.ocsp import Responder, failure
from ca.revocation.presign import MANIFEST, SNIPPET, UNAUTHORIZED, nginx_snippet, requests_for
from ca.store import certificates

MAX_MANIFEST = 1 << 30


def presign(home: Home, folder: Path, *, lifetime: timedelta) -> PresignDocument:
    """Write an answer for every certificate that has not ended, and remove what is out of date.

    Only files that an earlier call wrote are removed: ``presigned.txt`` names them.

    Raises:
        KeyUnavailableError: there is no OCSP signer yet.
        CAError: the folder cannot be written, or holds a manifest that is none.
    """
    register = Register(home)
    if not register.responders:
        raise KeyUnavailableError("there is no OCSP signer", hint="sipca ocsp rotate makes one")
    snippet = nginx_snippet(str(folder.resolve()), seconds=int(lifetime.total_seconds()) // 4)
    before = _manifest(folder)
    make_folder(folder)
    written: set[str] = set()
    answered = 0
    for responder in register.responders:
        for serial in _serials(home, responder):
            answered += 1
            for request, path in requests_for(responder, serial):
                answer = register.answer(request, lifetime=lifetime)
                make_folder((folder / path).parent)
                write_atomic(folder / path, answer.der, overwrite=True, durable=False)
                written.add(path)
    unauthorized = failure("unauthorized", "").der
    write_atomic(folder / UNAUTHORIZED, unauthorized, overwrite=True)
    write_atomic(folder / SNIPPET, os.fsencode(snippet), overwrite=True)
    stale = before - written
    for path in stale:
        (folder / path).unlink(missing_ok=True)
    write_atomic(
        folder / MANIFEST, "".join(f"{p}\n" for p in sorted(written)).encode(), overwrite=True
    )
    return PresignDocument(
        folder=str(folder),
        certificates=answered,
        written=len(written),
        removed=len(stale),
        next_update=home.now() + lifetime,
    )


def _serials(home: Home, responder: Responder) -> list[int]:
    """The certificates of an issuer that have not ended, without its OCSP signers."""
    now = int(home.now().timestamp())
    return [
        int.from_bytes(serial, "big")
        for serial in certificates.serials_ending_after(home.store, responder.issuer_id, now)
    ]


def _manifest(folder: Path) -> set[str]:
    path = folder / MANIFEST
    if not path.exists():
        return set()
    lines = read_bounded(path, limit=MAX_MANIFEST).decode("ascii", "replace").splitlines()
    for line in lines:
        if not line or line.startswith("/") or ".." in line.split("/"):
            raise MalformedError(f"'{path}' was changed by hand", hint="remove it, and look why")
    return set(lines)
