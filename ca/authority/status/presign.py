"""``ocsp presign``: write OCSP answers in advance for a static web server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path

from ca.authority.home import Home
from ca.authority.own_files import is_answer, is_list_of_answers
from ca.authority.status.answer_files import AnswerFiles, lines_of
from ca.authority.status.ocsp import Register
from ca.documents.ocsp import PresignDocument
from ca.encoding.der import serial_number
from ca.errors import ConflictError, KeyUnavailableError
from ca.files import lock_folder, make_folder, write_atomic, write_stream
from ca.files.sorting import SortedLines
from ca.revocation.ocsp import HASHES, Responder, failure
from ca.revocation.presign import MANIFEST, SNIPPET, UNAUTHORIZED, nginx_snippet, requests_for
from ca.revocation.presigned import HEAD, STATE, Presented, Records, issuer_of, octets_of, said_by
from ca.store import certificates


def presign(
    home: Home, folder: Path, *, lifetime: timedelta, hashes: Sequence[str] = tuple(HASHES)
) -> PresignDocument:
    """Write an answer for every unexpired certificate, and remove outdated ones.

    Answers of an earlier call that say what the register says, and will for half of ``lifetime``,
    are kept. Only files of an earlier call are replaced or removed: they are named in
    ``presigned.txt`` and are OCSP responses. ``hashes`` are those of the requests to answer, OIDs.

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
    with lock_folder(folder), SortedLines(folder) as paths:
        return _Presigning(register, AnswerFiles(folder), lifetime, hashes, paths).run(text)


class _Presigning:
    """One call: what it answers for, and what it has counted so far."""

    def __init__(
        self,
        register: Register,
        files: AnswerFiles,
        lifetime: timedelta,
        hashes: Sequence[str],
        paths: SortedLines,
    ) -> None:
        self._register = register
        self._home = register.home
        self._files = files
        self._folder = files.folder
        self._lifetime = lifetime
        self._hashes = hashes
        self._paths = paths
        self._certificates = self._kept = self._written = self._too_long = 0
        self._earliest: int | None = None

    def run(self, text: str) -> PresignDocument:
        """Write all answers, then what belongs to them."""
        snippet = os.fsencode(text)
        _refuse_listed_by_hand(self._folder)
        self._files.check(UNAUTHORIZED, is_answer)
        self._files.check(SNIPPET, lambda start: start.startswith(snippet.partition(b"\n")[0]))
        self._files.check(STATE, lambda start: start.startswith(HEAD))
        write_stream(self._folder / STATE, _joined(chain([HEAD], self._records())))
        write_atomic(self._folder / UNAUTHORIZED, failure("unauthorized", "").der, overwrite=True)
        write_atomic(self._folder / SNIPPET, snippet, overwrite=True)
        removed = self._remove_outdated()
        write_stream(self._folder / MANIFEST, _joined(path + b"\n" for path in self._paths))
        until = self._home.now() + self._lifetime
        if self._earliest is not None:
            until = datetime.fromtimestamp(self._earliest, UTC)
        return PresignDocument(
            folder=str(self._folder),
            certificates=self._certificates,
            written=self._written,
            kept=self._kept,
            removed=removed,
            too_long=self._too_long,
            next_update=until,
        )

    def _records(self) -> Iterator[bytes]:
        """A line for each certificate, whose answers are then there."""
        with lines_of(self._folder / STATE) as lines:
            records = Records(lines)
            for responder in sorted(self._register.responders, key=issuer_of):
                for serial in self._serials(responder):
                    record = records.find(issuer_of(responder), serial.hex())
                    record = self._present(responder, serial, record)
                    if record is None:
                        continue
                    self._certificates += 1
                    self._earliest = min(self._earliest or record.next_update, record.next_update)
                    yield record.line()

    def _serials(self, responder: Responder) -> Iterator[bytes]:
        """The serials of an issuer's unexpired certificates, without its OCSP signers."""
        now = int(self._home.now().timestamp())
        return certificates.serials_expiring_after(self._home.store, responder.issuer_id, now)

    def _present(
        self, responder: Responder, serial: bytes, before: Presented | None
    ) -> Presented | None:
        """Keep or write the answers for one certificate; None if there can be none."""
        number, now = serial_number(serial), self._home.now()
        status = self._register.status_of(responder.issuer_id, number)
        every = list(requests_for(responder, number, self._hashes))
        asked = [each for each in every if not each.is_too_long]
        self._too_long += len(every) - len(asked)
        if not asked:
            return None
        present = [self._files.read(each.path) for each in asked]  # nothing foreign is replaced
        for each in asked:
            self._paths.add(each.path.encode())
        said = said_by(responder, status)
        if (
            before is not None
            and before.holds(present)
            and not before.is_due(said=said, now=now, lifetime=self._lifetime, end=responder.until)
        ):
            self._kept += len(asked)
            return before
        answers = [
            self._register.answer_as(each.request, status, at=now, lifetime=self._lifetime)
            for each in asked
        ]
        for each, answer in zip(asked, answers, strict=True):
            self._files.write(each.path, answer.der)
        self._written += len(asked)
        return Presented(
            issuer=issuer_of(responder),
            serial=serial.hex(),
            this_update=int(now.timestamp()),
            next_update=int((answers[0].next_update or now).timestamp()),
            said=said,
            octets=octets_of([each.der for each in answers]),
        )

    def _remove_outdated(self) -> int:
        """Remove the answers that an earlier call listed and this one did not; how many."""
        removed = 0
        with (
            lines_of(self._folder / MANIFEST) as lines,
            SortedLines(self._folder, (line[:-1] for line in lines)) as before,
        ):
            for path in _only_in_first(before, self._paths):
                self._files.remove(path.decode("ascii"))
                removed += 1
        return removed


def _only_in_first(first: Iterable[bytes], second: Iterable[bytes]) -> Iterator[bytes]:
    """What stands in the first of two sorted lists alone."""
    others = iter(second)
    other = next(others, None)
    for each in first:
        while other is not None and other < each:
            other = next(others, None)
        if other != each:
            yield each


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines, a thousand in a piece."""
    rest = iter(lines)
    while piece := b"".join(islice(rest, 1_000)):
        yield piece


def _refuse_listed_by_hand(folder: Path) -> None:
    """Check that the list of the answers is one that an earlier call wrote.

    Raises:
        ConflictError: the list was changed by hand or is something else.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        return
    if not path.is_symlink() and path.is_file():  # a pipe would not open
        with lines_of(path) as lines:
            if all(map(is_list_of_answers, lines)):
                return
    raise ConflictError(
        f"'{path}' was changed by hand or is not sipca's",
        hint="find out why; then remove it, or choose another --out",
    )
