"""One call of ``sign``: what it signs with, where its files go, and what came of each source."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

import msgspec

from ca.authority import upload_files
from ca.authority.home import CA, Home
from ca.authority.signing import places
from ca.authority.signing.crew import Crew, Made, Pending, Writing
from ca.authority.signing.judge import Candidate, Judge, Source
from ca.authority.signing.prepare import Ready
from ca.authority.upload_files import Chain, Delivery
from ca.documents.exits import EXIT_CODES
from ca.documents.sign import Files, Refused, Signed, SigningDocument, Skipped
from ca.encoding import pem
from ca.encoding.account import unpack_account
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, MalformedError, attempt
from ca.files import held_folder
from ca.model.certificates import subject_text
from ca.model.wishes import SigningWishes
from ca.store.certificates import CertificateRow

Delivered = Pending[list[Files | CAError]]
"""The files written for each candidate of a chunk, or what kept them from being written."""
HandOn = Callable[[Signed], None]
"""Takes a certificate, just made or handed out again, as soon as its files are written."""


class Watch(msgspec.Struct, frozen=True):
    """How somebody follows a batch, and ends it early.

    With ``hand_on`` the document has no certificates: nothing of a batch grows with its size.
    """

    progress: Callable[[int], None] = lambda _: None
    stop: Callable[[], bool] = lambda: False
    hand_on: HandOn | None = None


class Batch:
    """One call of ``sign``: what it signs with, and what came of each source."""

    def __init__(
        self, home: Home, delivery: Delivery, crew: Crew, *, dry_run: bool, hand_on: HandOn | None
    ) -> None:
        self.home = home
        self._held = ExitStack()
        self._holds_place = False
        self.crew = crew
        self.delivery = delivery
        self.dry_run = dry_run
        self.judge = Judge(home)
        self.ca: CA = self.judge.ca
        self.chain: Chain = upload_files.chain_of(home)
        self.deferred: list[Source] = []
        self._met: set[bytes] = set()
        self._met_with: set[tuple[bytes, SigningWishes]] = set()
        self._known: set[tuple[bytes, SigningWishes]] = set()
        self.awaited: set[bytes] = set()
        """Requests, by SHA-256, that another process is signing at this moment."""
        self._put_off: set[str] = set()
        self._trust_delivered = False
        self._hand_on = hand_on or self._keep
        self.left = 0
        self.signed: list[Signed] = []
        self.skipped: list[Skipped] = []
        self.refused: list[Refused] = []
        self.ignored: list[str] = []

    def _keep(self, entry: Signed) -> None:
        if isinstance(entry, Skipped):
            self.skipped.append(entry)
        else:
            self.signed.append(entry)

    def put_off(self, candidate: Candidate) -> bool:
        """Look at a source again when another process is done with its request; but once only."""
        label = candidate.source.label
        if label in self._put_off:
            return False
        self._put_off.add(label)
        self.awaited.add(candidate.ready.request_hash)
        self.deferred.append(candidate.source)
        return True

    def take_up_deferred(self) -> list[Source]:
        """What was put off: the register knows by now what was met before it."""
        self._known |= self._met_with
        self._met.clear()
        deferred, self.deferred = self.deferred, []
        return deferred

    def close(self) -> None:
        """Let others write where this call did."""
        self.leave_place()

    def leave_place(self) -> None:
        """Let others write where this call did, until its next chunk takes the place again."""
        self._held.close()
        self._holds_place = False

    def unobstructed(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """The candidates whose files nothing is in the way of; the others are refused."""
        free: list[Candidate] = []
        for each in candidates:
            found = attempt(places.replaces, self.home, self.delivery, self.chain, each)
            if isinstance(found, CAError):
                self.refuse(each.source, found)
            else:
                free.append(msgspec.structs.replace(each, replaces=True) if found else each)
        return free

    def take_place(self, candidates: list[Candidate]) -> list[Candidate]:
        """From now on no other sipca writes where this call does; what came before is seen.

        Raises:
            CAError: the folder cannot be made or is not to be had, or a foreign trust file came.
        """
        place = upload_files.place_of(self.delivery)
        if self._holds_place or not candidates or place is None:
            return candidates
        upload_files.make_place(self.delivery)
        self._held.enter_context(held_folder(place))
        self._holds_place = True
        upload_files.refuse_foreign_trust_files(self.delivery, self.chain)
        return self.unobstructed(candidates)

    def refuse(self, source: Source, error: CAError) -> None:
        """Enter a refusal."""
        self.home.note(error)
        if isinstance(error, MalformedError) and not source.must_be_request:
            self.ignored.append(source.label)
            return
        self.refused.append(
            Refused(source.label, error.kind, error.message, error.hint, EXIT_CODES[error.kind])
        )

    def is_repeated(self, source: Source, ready: Ready) -> bool:
        """Whether the very request is on its way already: then it is looked at again later."""
        met = (ready.request_hash, source.wishes)
        if met in self._known or source.wishes.again or self.dry_run:
            return False
        if ready.request_hash in self._met:
            return True
        self._met.add(ready.request_hash)
        self._met_with.add(met)
        return False

    def enter(self, candidate: Candidate, made: Made | None, files: Files) -> None:
        """A certificate just made, one that is there already, or (dry run) one that would be."""
        if candidate.good is not None:
            self._enter_skipped(candidate, candidate.good, files)
            return
        prepared = candidate.prepared
        self._hand_on(
            Signed(
                **self._shared(candidate),
                serial=None if made is None else prepared.serial.hex(),
                not_before=prepared.validity.not_before,
                not_after=prepared.validity.not_after,
                fingerprint=None if made is None else made.fingerprint,
                certificate_pem=None if made is None else made.pem,
                files=files,
                device=candidate.source.wishes.device,
                context=candidate.source.wishes.context,
                account=list(prepared.account),
            )
        )

    def _enter_skipped(self, candidate: Candidate, row: CertificateRow, files: Files) -> None:
        facts = read_certificate(row.der)
        until = facts.validity.not_after
        self._hand_on(
            Skipped(
                **self._shared(candidate),
                serial=facts.serial,
                not_before=facts.validity.not_before,
                not_after=until,
                fingerprint=facts.fingerprint,
                certificate_pem=pem.encode(row.der),
                files=files,
                device=row.device,
                context=row.context,
                account=unpack_account(row.account),
                reason=f"signed already and good until {until:%Y-%m-%d}; --again signs anew",
            )
        )

    def _shared(self, candidate: Candidate) -> dict[str, Any]:
        return {
            "source": candidate.source.label,
            "subject": subject_text(candidate.prepared.subject),
            "san": [str(name) for name in candidate.prepared.san],
            "profile": candidate.profile.name,
            "issuer": self.ca.issuer.name,
            "chain_pem": self.chain.trusted,
            "root_pem": self.chain.root,
            "findings": list(candidate.findings),
        }

    def deliver(self, candidates: list[Candidate], pems: list[str]) -> Delivered:
        """Have the files of a chunk written, behind the trust files of the folder."""
        if self.dry_run or (self.delivery.folder is None and self.delivery.file is None):
            return lambda: [Files() for _ in candidates]
        planned = [
            attempt(
                upload_files.planned_files,
                self.delivery, each.stem, each.source.wishes.context, text, self.chain,
            )
            for each, text in zip(candidates, pems, strict=True)
        ]  # fmt: skip
        try:
            if candidates:
                upload_files.make_place(self.delivery)
            if candidates and not self._trust_delivered:
                upload_files.deliver_trust(self.delivery, self.chain)
                self._trust_delivered = True
        except CAError as error:
            failure = mendable(error)
            return lambda: [failure for _ in candidates]
        pending = self.crew.write(
            [
                Writing(each.texts, self.delivery.overwrite or candidate.replaces)
                for each, candidate in zip(planned, candidates, strict=True)
                if not isinstance(each, CAError)
            ]
        )

        def settled() -> list[Files | CAError]:
            written = iter(pending())
            outcomes = [
                each if isinstance(each, CAError) else next(written) or each.files
                for each in planned
            ]
            upload_files.settle(self.delivery)
            return [mendable(each) if isinstance(each, CAError) else each for each in outcomes]

        return settled

    def document(self) -> SigningDocument:
        """What came of the whole call."""
        return SigningDocument(
            ca=self.home.name,
            home=str(self.home.path),
            dry_run=self.dry_run,
            signed=self.signed,
            skipped=self.skipped,
            refused=self.refused,
            ignored=self.ignored,
            interrupted=self.left > 0,
            left=self.left,
        )


def mendable(error: CAError) -> CAError:
    """An error that came after the certificate was recorded, with a hint that says so."""
    rest = f": {error.hint}" if error.hint else ""
    error.hint = f"the certificate is in the register; mend this and run again{rest}"
    return error
