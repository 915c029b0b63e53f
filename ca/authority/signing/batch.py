"""One call of ``sign``: its signer, the place of its files, and the result of each source."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from ca.authority import upload_files
from ca.authority.home import Home
from ca.authority.signing.candidates import Candidate
from ca.authority.signing.crew import Crew, Pending, Writing
from ca.authority.signing.judge import Judge
from ca.authority.signing.places import Place
from ca.authority.signing.repeats import Repeats
from ca.authority.signing.results import HandOn, Results
from ca.authority.upload_files import Delivery
from ca.documents.sign import Files
from ca.errors import CAError, attempt

Delivered = Pending[list[Files | CAError]]
"""The files written for each candidate of a chunk, or the error that prevented it."""


class Watch(msgspec.Struct, frozen=True):
    """How a caller follows a batch and ends it early.

    With ``hand_on`` the document has no certificates, and memory does not grow with the batch.
    """

    progress: Callable[[int], None] = lambda _: None
    stop: Callable[[], bool] = lambda: False
    hand_on: HandOn | None = None


class Batch:
    """One call of ``sign``: its signer, the place of its files, the result of each source."""

    def __init__(
        self, home: Home, delivery: Delivery, crew: Crew, *, dry_run: bool, hand_on: HandOn | None
    ) -> None:
        self.home = home
        self.crew = crew
        self.dry_run = dry_run
        self.judge = Judge(home)
        chain = upload_files.chain_of(home)
        self.place = Place(home, delivery, chain)
        self.repeats = Repeats()
        self.results = Results(home, chain, hand_on)

    def close(self) -> None:
        """Release the folder, so that other processes can write there."""
        self.place.leave()

    def unobstructed(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """The candidates whose files are not in the way of anything; the others are refused."""
        free: list[Candidate] = []
        for candidate in candidates:
            replaced = attempt(self.place.may_replace, candidate)
            if isinstance(replaced, CAError):
                self.results.refuse(candidate.source, replaced)
            elif replaced:
                free.append(msgspec.structs.replace(candidate, replaces=True))
            else:
                free.append(candidate)
        return free

    def in_place(self, candidates: list[Candidate]) -> list[Candidate]:
        """Lock the folder for the candidates, and check again for files in the way.

        Raises:
            CAError: the folder cannot be made or locked, or now has another CA's trust file.
        """
        return self.unobstructed(candidates) if candidates and self.place.take() else candidates

    def deliver(self, candidates: list[Candidate], pems: list[str]) -> Delivered:
        """Write the files of a chunk, after the trust files of the folder."""
        if self.dry_run or not candidates or not self.place.takes_files:
            return lambda: [Files() for _ in candidates]
        planned = [
            attempt(self.place.planned, candidate, text)
            for candidate, text in zip(candidates, pems, strict=True)
        ]
        try:
            self.place.deliver_trust()
        except CAError as error:
            failure = mendable(error)
            return lambda: [failure for _ in candidates]
        planned = [
            each if isinstance(each, CAError) else attempt(self.place.noted, each)
            for each in planned
        ]
        pending = self.crew.write(
            [
                Writing(files.texts, self.place.delivery.overwrite or candidate.replaces)
                for files, candidate in zip(planned, candidates, strict=True)
                if not isinstance(files, CAError)
            ]
        )

        def settled() -> list[Files | CAError]:
            written = iter(pending())
            outcomes = [
                files if isinstance(files, CAError) else next(written) or files.files
                for files in planned
            ]
            upload_files.settle(self.place.delivery)
            return [mendable(each) if isinstance(each, CAError) else each for each in outcomes]

        return settled


def mendable(error: CAError) -> CAError:
    """Add to an error after the certificate was recorded the hint that it was."""
    rest = f": {error.hint}" if error.hint else ""
    error.hint = f"the certificate is in the register; fix this and run again{rest}"
    return error
