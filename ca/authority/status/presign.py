"""``ocsp presign``: write OCSP answers in advance for a static web server."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from ca.authority.home import Home
from ca.authority.own_files import Ours, is_answer, is_list_of_answers, refuse_foreign
from ca.authority.status.ocsp import Register
from ca.documents.ocsp import PresignDocument
from ca.encoding.der import serial_number
from ca.errors import ConflictError, KeyUnavailableError
from ca.files import lock_folder, make_folder, read_bounded, write_atomic
from ca.revocation.ocsp import Responder, failure
from ca.revocation.presign import MANIFEST, SNIPPET, UNAUTHORIZED, nginx_snippet, requests_for
from ca.store import certificates

MAX_MANIFEST = 1 << 30
OUT = "choose another --out, or remove it"


def presign(home: Home, folder: Path, *, lifetime: timedelta) -> PresignDocument:
    """Write an answer for every unexpired certificate, and remove outdated ones.

    Only files of an earlier call are replaced or removed: they are named in ``presigned.txt`` and
    are OCSP responses.

        Raises:
            KeyUnavailableError: there is no OCSP signer yet.
            ConflictError: a file in the folder is not from an earlier call.
            StoreError: the folder cannot be written.
    """
    register = Register(home)
    if not register.responders:
        raise KeyUnavailableError("there is no OCSP signer", hint="sipca ocsp rotate makes one")
    text = nginx_snippet(str(folder.resolve()), seconds=int(lifetime.total_seconds()) // 4)
    make_folder(folder)
    with lock_folder(folder):
        return _presign(register, _Place(folder), lifetime, os.fsencode(text))


def _presign(
    register: Register, place: _Place, lifetime: timedelta, snippet: bytes
) -> PresignDocument:
    home, folder = register.home, place.folder
    before = _manifest(folder)
    unauthorized = failure("unauthorized", "").der
    place.check(UNAUTHORIZED, is_answer)
    place.check(SNIPPET, lambda start: start.startswith(snippet.partition(b"\n")[0]))
    written: set[str] = set()
    answered = 0
    for responder in register.responders:
        for serial in _serials(home, responder):
            answered += 1
            for request, path in requests_for(responder, serial):
                answer = register.answer(request, lifetime=lifetime)
                place.check(path, is_answer)
                make_folder((folder / path).parent)
                write_atomic(folder / path, answer.der, overwrite=True, durable=False)
                written.add(path)
    write_atomic(folder / UNAUTHORIZED, unauthorized, overwrite=True)
    write_atomic(folder / SNIPPET, snippet, overwrite=True)
    stale = before - written
    for path in stale:
        place.check(path, is_answer)
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
    """The serials of an issuer's unexpired certificates, without its OCSP signers."""
    now = int(home.now().timestamp())
    return [
        serial_number(serial)
        for serial in certificates.serials_expiring_after(home.store, responder.issuer_id, now)
    ]


class _Place:
    """The folder of the answers, in which only files of an earlier call are replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known = {folder}

    def check(self, path: str, ours: Ours) -> None:
        """Check that a file may be replaced or removed, and that no folder above it is a link.

        Raises:
            ConflictError: it is not ours, or a folder is a link.
        """
        full = self.folder / path
        for above in full.parents:
            if above in self._known:
                break
            if above.is_symlink():
                raise ConflictError(
                    f"'{above}' is a symbolic link, which is not followed", hint=OUT
                )
            self._known.add(above)
        refuse_foreign(full, ours, hint=OUT)


def _manifest(folder: Path) -> set[str]:
    """The answers that an earlier call wrote.

    Raises:
        ConflictError: the list was changed by hand or is something else.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        return set()
    data = b"" if path.is_symlink() else read_bounded(path, limit=MAX_MANIFEST)
    if path.is_symlink() or not is_list_of_answers(data):
        raise ConflictError(
            f"'{path}' was changed by hand or is not sipca's",
            hint="find out why; then remove it, or choose another --out",
        )
    return set(data.decode("ascii").splitlines())
