"""One worker's view of the home: followed as others change it, sound while it is locked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha256

from ca.authority.home import CA, Home
from ca.authority.status.check import clock_findings, status_service_findings
from ca.authority.status.crl import ca_called, crl_octets, crl_record
from ca.authority.status.ocsp import Register
from ca.authority.status.served import served
from ca.errors import CAError, MalformedError, NotFoundError, StoreError
from ca.model.findings import Finding
from ca.revocation.ocsp import Answer, failure
from ca.revocation.ocsp_request import OCSPRequest, read_ocsp_request
from ca.revocation.served import Served, judge_served
from ca.service.answer_cache import Answers, Remembered
from ca.service.register_file import Following
from ca.service.replies import OCSP_RESPONSE, PKIX_CERT, PKIX_CRL, Reply, keep_until, refusal, reply
from ca.store.connection import LockedError

log = logging.getLogger("sipca.serve")

FRESH_SECONDS = 300
"""How long an answer is given again before it is signed anew."""
_LOCKED = failure("tryLater", "the register is locked")


class ServedRegister:
    """Answers from the register, remembers them, and forgets them as soon as it changes."""

    def __init__(self, following: Following) -> None:
        self.following = following
        self.answers = Answers()
        self._crls: dict[int, Reply] = {}
        self._served: list[Served] | None = None
        self._failing = ""
        following.when_changed = self._forget

    def follow(self) -> None:
        """Take up what other processes changed, or what stands at the register's path now."""
        self.following.look()

    def at_once(self, path: bytes) -> bytes | None:
        """Headers and body for a GET that was answered a moment ago: no task, no parsing."""
        found = self.answers.by_way(path)
        if found is None or self.following.seconds() >= found.fresh_until:
            return None
        return found.octets

    def posted(self, request: bytes) -> bytes:
        """Headers and body for an OCSP request that came by POST."""
        found = self.answers.by_way(request)
        if found is not None and self.following.seconds() < found.fresh_until:
            return found.octets
        made = self._answered(request, request)
        return made.octets if isinstance(made, Remembered) else made.octets()

    def got(self, path: bytes, request: bytes) -> Reply:
        """The reply to an OCSP request that came by GET."""
        made = self._answered(request, path)
        return made.reply() if isinstance(made, Remembered) else made

    def ocsp(self, request: bytes) -> Reply:
        """The reply to an OCSP request."""
        return self.got(request, request)

    def _answered(self, request: bytes, way: bytes) -> Remembered | Reply:
        """The answer to a request that came by a way: remembered if it serves again."""
        try:
            asked = read_ocsp_request(request)
        except MalformedError as error:
            return _ocsp_reply(failure("malformedRequest", error.message))
        question = asked.question()
        if question is None:
            return _ocsp_reply(self._answer(asked) or _LOCKED)
        known, now = self.answers.to(question), self.following.seconds()
        if known is None or now >= known.fresh_until:
            answer = self._answer(asked)
            known = self.answers.to(question)  # gone, if another file has come meanwhile
            if answer is None and known is not None and now < known.end:
                return known
            made = _ocsp_reply(answer or _LOCKED)
            if answer is None or not answer.known or answer.next_update is None:
                return made
            end = answer.next_update.timestamp()
            fresh_until = min(now + FRESH_SECONDS, end)
            known = self.answers.keep(question, made, fresh_until=fresh_until, end=end)
        self.answers.lead(way, known)
        return known

    def _answer(self, asked: OCSPRequest) -> Answer | None:
        """What the register says now; tryLater if it cannot be believed, None if it is locked."""
        try:
            home, register = self.following.current()
            with home.store.translating_errors():
                answer = register.answer(asked)
            home.store.assert_unchanged()
        except LockedError:
            return None
        except Exception as error:
            self._log_once("an answer could not be made", error)
            return failure("tryLater", str(error))
        self._failing = ""
        if answer.status not in ("successful", "unauthorized"):
            log.info("answered %s: %s", answer.status, answer.reason)
        return answer

    def crl(self, name: str) -> Reply:
        """The newest CRL of a CA."""
        return self._public(name, self._crl, "there is no CRL to be had")

    def certificate(self, name: str) -> Reply:
        """A CA's certificate as DER."""
        return self._public(name, _certificate, "there is no certificate to be had")

    def _public(self, name: str, made: Callable[[Home, CA], Reply], without: str) -> Reply:
        """What is given out for a CA; 404 where there is none, 503 where that cannot be told."""
        try:
            home, _ = self.following.current()
        except CAError:
            return refusal(503, without)
        try:
            with home.store.translating_errors():
                return made(home, ca_called(home, name))
        except NotFoundError:
            return refusal(404, without)
        except Exception as error:
            self._log_once(without, error)
            return refusal(503, without)

    def _crl(self, home: Home, ca: CA) -> Reply:
        if ca.issuer.id not in self._crls:
            with home.store.snapshot():
                record = crl_record(home, ca)
                der = b"".join(crl_octets(home, ca))
            home.store.assert_unchanged()
            assert record.next_update is not None
            assert record.this_update is not None
            cache = keep_until(
                record.next_update,
                made=record.this_update,
                tag=str(record.number),
                seconds=FRESH_SECONDS,
            )
            self._crls[ca.issuer.id] = reply(der, PKIX_CRL, cache=cache)
        return self._crls[ca.issuer.id]

    def troubles(self) -> list[Finding]:
        """What of CRLs and OCSP signers is ended, missing, soon to end, or not what is served.

        Raises:
            CAError: the register cannot be used.
        """
        home, register = self.following.current()
        if self.following.trouble is not None:
            raise self.following.trouble.with_traceback(None)
        try:
            with home.store.translating_errors():
                found = clock_findings(home)
                found += [f for ca in home.cas() for f in status_service_findings(home, ca)]
                if self._served is None:
                    self._served = [self._served_of(home, register, ca) for ca in home.cas()]
        except ValueError as error:  # octets that do not read
            raise StoreError(f"the register cannot be read: {error!r}") from error
        found += [f for each in self._served for f in judge_served(each, home.now())]
        return [each for each in found if each.result in ("warn", "fail")]

    def _served_of(self, home: Home, register: Register, ca: CA) -> Served:
        """What is given out for a CA: looked at once for each change, an RSA signature too."""
        try:
            crl = self._crl(home, ca).body
        except CAError:
            crl = b""
        responder = next((r for r in register.responders if r.issuer_id == ca.issuer.id), None)
        return served(home, ca, crl, responder)

    def _log_once(self, what: str, error: Exception) -> None:
        """Log why something could not be answered, unless that was the last thing logged."""
        text = f"{what}: {error.message if isinstance(error, CAError) else repr(error)}"
        if error is not self.following.trouble and text != self._failing:
            self._failing = text
            log.error("%s", text)

    def _forget(self) -> None:
        self.answers.clear()
        self._crls.clear()
        self._served = None


def _certificate(_home: Home, ca: CA) -> Reply:
    facts = ca.issuer.facts
    assert facts is not None
    cache = keep_until(
        facts.validity.not_after,
        made=facts.validity.not_before,
        tag=facts.fingerprint[:16],
        seconds=86400,
    )
    return reply(facts.der, PKIX_CERT, cache=cache)


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
