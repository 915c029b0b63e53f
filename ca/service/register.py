"""One worker's view of the home: follows changes by other processes, and survives locks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha256

from ca.authority.home import CA, Home
from ca.authority.lineage import in_service
from ca.authority.status.check import clock_findings, status_service_findings
from ca.authority.status.crl import ca_called, crl_octets, crl_record
from ca.authority.status.ocsp import Register
from ca.authority.status.served import served
from ca.errors import CAError, MalformedError, NotFoundError, StoreError, attempt
from ca.model.findings import Finding
from ca.revocation.ocsp import Answer, failure
from ca.revocation.ocsp_request import OCSPRequest, read_ocsp_request
from ca.revocation.served import Served, judge_served
from ca.service.answer_cache import Answers, Remembered
from ca.service.handouts import Handouts
from ca.service.register_file import Following
from ca.service.replies import OCSP_RESPONSE, PKIX_CERT, PKIX_CRL, Reply, keep_until, refusal, reply
from ca.store.connection import LockedError

log = logging.getLogger("sipca.serve")

FRESH_SECONDS = 300
"""Seconds that an answer is given again before a new one is signed."""
_LOCKED = failure("tryLater", "the register is locked")


class ServedRegister:
    """Answers from the register, cached until the register changes."""

    def __init__(self, following: Following) -> None:
        self.following = following
        self.answers = Answers()
        self._crls: dict[int, Reply] = {}
        self._served: list[Served] | None = None
        self._failing = ""
        self.handouts = Handouts(following, self._crl, self._log_once)
        following.when_changed = self._forget

    def follow(self) -> None:
        """Notice changes by other processes, or another file at the register's path."""
        self.following.look()

    def at_once(self, path: bytes) -> bytes | None:
        """Headers and body for a GET with a cached answer, without a task or parsing."""
        cached = self.answers.by_way(path)
        if cached is None or self.following.seconds() >= cached.fresh_until:
            return None
        return cached.octets

    def posted(self, request: bytes) -> bytes:
        """Headers and body for an OCSP request by POST."""
        cached = self.answers.by_way(request)
        if cached is not None and self.following.seconds() < cached.fresh_until:
            return cached.octets
        answered = self._answered(request, request)
        return answered.octets if isinstance(answered, Remembered) else answered.octets()

    def got(self, path: bytes, request: bytes) -> Reply:
        """The reply to an OCSP request by GET."""
        answered = self._answered(request, path)
        return answered.reply() if isinstance(answered, Remembered) else answered

    def ocsp(self, request: bytes) -> Reply:
        """The reply to an OCSP request."""
        return self.got(request, request)

    def _answered(self, request: bytes, way: bytes) -> Remembered | Reply:
        """The answer to a request, remembered if it can be given again."""
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
            known = self.answers.to(question)  # closed if another file has taken its place
            if answer is None and known is not None and now < known.end:
                return known
            fresh = _ocsp_reply(answer or _LOCKED)
            if answer is None or not answer.known or answer.next_update is None:
                return fresh
            end = answer.next_update.timestamp()
            fresh_until = min(now + FRESH_SECONDS, end)
            known = self.answers.keep(question, fresh, fresh_until=fresh_until, end=end)
        self.answers.lead(way, known)
        return known

    def _answer(self, asked: OCSPRequest) -> Answer | None:
        """The register's answer now; tryLater if it is not sound, None if it is locked."""
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
        return self._public(name, self._crl, "there is no CRL yet")

    def certificate(self, name: str) -> Reply:
        """A CA's certificate as DER."""
        return self._public(name, _certificate, "there is no certificate yet")

    def _public(self, name: str, make: Callable[[Home, CA], Reply], without: str) -> Reply:
        """The reply about a CA: 404 if there is none, 503 if the register cannot be read."""
        try:
            home, _ = self.following.current()
        except CAError:
            return refusal(503, without)
        try:
            with home.store.translating_errors():
                return make(home, ca_called(home, name))
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
        """Troubles of CRLs and OCSP signers: expired, missing, expiring, or not what is served.

        Raises:
            CAError: the register cannot be used.
        """
        home, register = self.following.current()
        if self.following.trouble is not None:
            raise self.following.trouble.with_traceback(None)
        try:
            with home.store.translating_errors():
                findings = clock_findings(home)
                cas = in_service(home)
                findings += [f for ca in cas for f in status_service_findings(home, ca)]
                if self._served is None:
                    self._served = self._served_now(home, register, cas)
        except ValueError as error:  # octets that cannot be parsed
            raise StoreError(f"the register cannot be read: {error!r}") from error
        findings += [f for each in self._served or () for f in judge_served(each, home.now())]
        return [each for each in findings if each.result in ("warn", "fail")]

    def _served_now(self, home: Home, register: Register, cas: list[CA]) -> list[Served] | None:
        """What is served for each CA; computed once for each change, because of RSA signatures.

        None if the register changed since it was last looked at: what was loaded is then compared
        after the next look, not with a state that no client has been given yet.
        """
        loaded = [attempt(self._crl, home, ca) for ca in cas]
        signers = {each.issuer_id: each for each in register.responders}
        with home.store.snapshot():
            if not self.following.is_up_to_date():
                return None
            return [
                served(
                    home,
                    ca,
                    b"" if isinstance(crl, CAError) else crl.body,
                    signers.get(ca.issuer.id),
                )
                for ca, crl in zip(cas, loaded, strict=True)
            ]

    def _log_once(self, what: str, error: Exception) -> None:
        """Log why a request could not be answered, unless it was the last message logged."""
        text = f"{what}: {error.message if isinstance(error, CAError) else repr(error)}"
        if error is not self.following.trouble and text != self._failing:
            self._failing = text
            log.error("%s", text)

    def _forget(self) -> None:
        self.answers.clear()
        self.handouts.forget()
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
