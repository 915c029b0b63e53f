"""One worker's view of the home: followed as others change it, sound while it is locked."""

from __future__ import annotations

import logging
from datetime import timedelta
from hashlib import sha256
from time import time

import msgspec

from ca.authority import crls
from ca.authority.health import status_service_findings
from ca.authority.home import CA, Home
from ca.authority.responding import Register
from ca.errors import CAError
from ca.model.findings import Finding
from ca.revocation.ocsp import Answer, failure
from ca.service.replies import OCSP_RESPONSE, PKIX_CERT, PKIX_CRL, Reply, keep_until, refusal, reply

log = logging.getLogger("sipca.serve")

PATIENCE = timedelta(milliseconds=100)
"""How long a reader waits for a locked register before it falls back on what it knows."""
CACHED_ANSWERS = 10_000
"""Answers kept at the most: 2 KiB each."""
FRESH_SECONDS = 300
"""How long an answer is given again before it is signed anew."""


class Remembered(msgspec.Struct, frozen=True):
    """An answer to be given again: until it is signed anew, and at the longest (Unix seconds)."""

    fresh_until: float
    end: float
    reply: Reply
    octets: bytes


class ServedRegister:
    """Answers from the register, remembers them, and forgets them as soon as it changes."""

    def __init__(self, home: Home) -> None:
        self.home = home
        home.store.be_patient(PATIENCE)
        self.register = Register(home)
        self.answers: dict[bytes, Remembered] = {}
        self._requests: dict[bytes, bytes] = {}
        self._crls: dict[str, Reply] = {}
        self._version = home.store.data_version()

    def follow(self) -> None:
        """Take up what other processes changed; keep the last good state if that cannot be read."""
        try:
            with self.home.store.translated():
                version = self.home.store.data_version()
                if version == self._version:
                    return
                self.home.forget()
                self.register.reload()
        except CAError as error:
            log.warning("the register cannot be read, answering from what is known: %s", error)
            return
        self._version = version
        self.answers.clear()
        self._requests.clear()
        self._crls.clear()

    def remembered(self, request: bytes, now: float, *, fresh: bool = True) -> Reply | None:
        """An answer given before, if it is young enough (or, not ``fresh``, still in force)."""
        found = self.answers.get(request)
        if found is None or now >= (found.fresh_until if fresh else found.end):
            return None
        return found.reply

    def at_once(self, path: bytes) -> bytes | None:
        """Headers and body for a GET that was answered a moment ago: no task, no parsing."""
        found = self.answers.get(self._requests.get(path, b""))
        return None if found is None or time() >= found.fresh_until else found.octets

    def posted(self, request: bytes) -> bytes:
        """Headers and body for an OCSP request that came by POST."""
        return self.ocsp(request).octets()

    def got(self, path: bytes, request: bytes) -> Reply:
        """The reply to an OCSP request that came by GET."""
        made = self.ocsp(request)
        if request in self.answers and len(self._requests) < 2 * CACHED_ANSWERS:
            self._requests[path] = request
        return made

    def ocsp(self, request: bytes) -> Reply:
        """The reply to an OCSP request."""
        now = self.home.now().timestamp()
        known = self.remembered(request, now)
        if known is not None:
            return known
        try:
            with self.home.store.translated():
                answer = self.register.answer(request)
        except CAError as error:
            log.warning("the register cannot be read: %s", error)
            stale = self.remembered(request, now, fresh=False)
            return stale or _ocsp_reply(failure("tryLater", error.message))
        if answer.status not in ("successful", "unauthorized"):
            log.info("answered %s: %s", answer.status, answer.reason)
        made = _ocsp_reply(answer)
        if answer.reusable and answer.next_update is not None:
            end = answer.next_update.timestamp()
            fresh_until = min(now + FRESH_SECONDS, end)
            self._remember(request, Remembered(fresh_until, end, made, made.octets()))
        return made

    def _remember(self, request: bytes, entry: Remembered) -> None:
        if len(self.answers) >= CACHED_ANSWERS:
            del self.answers[next(iter(self.answers))]
        self.answers[request] = entry

    def crl(self, name: str) -> Reply:
        """The newest CRL of a CA."""
        if name in self._crls:
            return self._crls[name]
        ca = self._ca(name)
        if ca is None:
            return refusal(404, "there is no such CA")
        try:
            with self.home.store.translated(), self.home.store.snapshot():
                record = crls.crl_record(self.home, ca)
                der = b"".join(crls.octets(self.home, ca))
        except CAError as error:
            log.warning("no CRL of %s: %s", ca.issuer.name, error)
            return refusal(404 if error.kind == "not-found" else 503, "there is no CRL to be had")
        assert record.next_update is not None
        assert record.this_update is not None
        cache = keep_until(
            record.next_update,
            made=record.this_update,
            tag=str(record.number),
            seconds=FRESH_SECONDS,
        )
        self._crls[name] = reply(der, PKIX_CRL, cache=cache)
        return self._crls[name]

    def certificate(self, name: str) -> Reply:
        """A CA's certificate as DER."""
        ca = self._ca(name)
        if ca is None or ca.issuer.facts is None:
            return refusal(404, "there is no such CA")
        facts = ca.issuer.facts
        cache = keep_until(
            facts.validity.not_after,
            made=facts.validity.not_before,
            tag=facts.fingerprint[:16],
            seconds=86400,
        )
        return reply(facts.der, PKIX_CERT, cache=cache)

    def troubles(self) -> list[Finding]:
        """What of CRLs and OCSP signers is ended, missing, or within 30 days of its end."""
        with self.home.store.translated():
            found = [f for ca in self.home.cas() for f in status_service_findings(self.home, ca)]
        return [each for each in found if each.result in ("warn", "fail")]

    def _ca(self, name: str) -> CA | None:
        try:
            with self.home.store.translated():
                return crls.ca_called(self.home, name)
        except CAError:
            return None


def _ocsp_reply(answer: Answer) -> Reply:
    if not answer.reusable or answer.next_update is None or answer.this_update is None:
        return reply(answer.der, OCSP_RESPONSE)
    cache = keep_until(
        answer.next_update,
        made=answer.this_update,
        tag=sha256(answer.der).hexdigest()[:40],
        seconds=FRESH_SECONDS,
    )
    return reply(answer.der, OCSP_RESPONSE, cache=cache)
