"""Requests on their way through worker processes, one chunk ahead of the one in hand."""

from __future__ import annotations

from concurrent.futures import Future

from ca.authority.judging import Candidate, Judge, Source
from ca.authority.workers import Job, Outcome, Shared, Workers, outcomes
from ca.errors import CAError


class Ahead:
    """Sends chunks to the workers early, and judges what comes back beside the register."""

    def __init__(self, judge: Judge, workers: Workers) -> None:
        self._judge = judge
        self._workers = workers
        self._shared = Shared(judge.ca.issuer, judge.home.now(), judge.ca_subjects)
        self._sent: set[int] = set()
        self._done: dict[int, Outcome] = {}
        self._waiting: list[tuple[list[Source], list[Future[list[Outcome]]]]] = []

    def send(self, chunk: list[Source]) -> None:
        """Have a chunk read and prepared, once."""
        if id(chunk) in self._sent:
            return
        self._sent.add(id(chunk))
        jobs, sources = [], []
        for source in chunk:
            try:
                jobs.append(self._job(source))
            except CAError as error:
                self._done[id(source)] = error
            else:
                sources.append(source)
        self._waiting.append((sources, self._workers.prepare(self._shared, jobs)))

    def candidate(self, source: Source) -> Candidate:
        """One source of the chunk in hand, judged.

        Raises:
            CAError: it is refused.
        """
        if id(source) not in self._done:
            sources, futures = self._waiting.pop(0)
            found = outcomes(futures)
            self._done.update(zip(map(id, sources), found, strict=True))
        outcome = self._done.pop(id(source))
        if isinstance(outcome, CAError):
            raise outcome
        return self._judge.judged(source, outcome.request, outcome.prepared)

    def _job(self, source: Source) -> Job:
        profile = self._judge.checked_profile(source)
        return Job(source.read(), profile, source.wishes, self._judge.home.new_serial())
