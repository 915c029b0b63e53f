"""Writing OCSP answers ahead for a static web server."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from ca.authority.home import Home
from ca.authority.own_files import Ours, is_answer, is_list_of_answers, refuse_foreign
from ca.authority.status.ocsp import Register
from ca.documents.ocsp import PresignDocument
from ca.errors import ConflictError, KeyUnavailableError
from ca.files import lock_folder, make_folder, read_bounded, write_atomic
from ca.revocation.ocsp import Responder, failure
from ca.revocation.presign import MANIFEST, SNIPPET, UNAUTHORIZED, nginx_snippet, requests_for
from ca.store import certificates

MAX_MANIFEST = 1 << 30
OUT = "choose another --out, or remove it"


def presign(home: Home, folder: Path, *, lifetime: timedelta) -> PresignDocument:
    """Write an answer for every certificate that has not ended, and remove what is out of date.

    Only what an earlier call wrote is replaced or removed: ``presigned.txt`` names it, and it is
    an OCSP response.

    Raises:
        KeyUnavailableError: there is no OCSP signer yet.
        ConflictError: something in the folder is not an earlier call's.
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
    """The certificates of an issuer that have not ended, without its OCSP signers."""
    now = int(home.now().timestamp())
    return [
        int.from_bytes(serial, "big")
        for serial in certificates.serials_expiring_after(home.store, responder.issuer_id, now)
    ]


class _Place:
    """The folder of the answers: what is in it gives way only if it is an earlier call's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known = {folder}

    def check(self, path: str, ours: Ours) -> None:
        """That a file may be replaced or removed, and that no folder above it leads elsewhere.

        Raises:
            ConflictError: it is somebody else's, or a folder is a link.
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
        ConflictError: the list is no such list, or was changed by hand.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        return set()
    data = b"" if path.is_symlink() else read_bounded(path, limit=MAX_MANIFEST)
    if path.is_symlink() or not is_list_of_answers(data):
        raise ConflictError(
            f"'{path}' was changed by hand or is not sipca's",
            hint="look why; then remove it, or choose another --out",
        )
    return set(data.decode("ascii").splitlines())
