"""One call of ``sign``: what it signs with, where its files go, and what came of each source."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from ca.authority import upload_files
from ca.authority.home import Home
from ca.authority.signing.crew import Crew, Pending, Writing
from ca.authority.signing.judge import Candidate, Judge
from ca.authority.signing.places import Place
from ca.authority.signing.repeats import Repeats
from ca.authority.signing.results import HandOn, Results
from ca.authority.upload_files import Delivery
from ca.documents.sign import Files
from ca.errors import CAError, attempt

Delivered = Pending[list[Files | CAError]]
"""The files written for each candidate of a chunk, or what kept them from being written."""


class Watch(msgspec.Struct, frozen=True):
    """How somebody follows a batch, and ends it early.

    With ``hand_on`` the document has no certificates: nothing of a batch grows with its size.
    """

    progress: Callable[[int], None] = lambda _: None
    stop: Callable[[], bool] = lambda: False
    hand_on: HandOn | None = None


class Batch:
    """One call of ``sign``: what it signs with, where files go, what came of each source."""

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
        """Let others write where this call did."""
        self.place.leave()

    def unobstructed(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """The candidates whose files nothing is in the way of; the others are refused."""
        free: list[Candidate] = []
        for candidate in candidates:
            replaced = attempt(self.place.gives_way, candidate)
            if isinstance(replaced, CAError):
                self.results.refuse(candidate.source, replaced)
            elif replaced:
                free.append(msgspec.structs.replace(candidate, replaces=True))
            else:
                free.append(candidate)
        return free

    def in_place(self, candidates: list[Candidate]) -> list[Candidate]:
        """Take the place for the candidates, and look again at what is in the way there.

        Raises:
            CAError: the folder cannot be made or locked, or has a foreign trust file by now.
        """
        return self.unobstructed(candidates) if candidates and self.place.take() else candidates

    def deliver(self, candidates: list[Candidate], pems: list[str]) -> Delivered:
        """Have the files of a chunk written, behind the trust files of the folder."""
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
    """An error that came after the certificate was recorded, with a hint that says so."""
    rest = f": {error.hint}" if error.hint else ""
    error.hint = f"the certificate is in the register; mend this and run again{rest}"
    return error
