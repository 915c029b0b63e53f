"""Answer OCSP requests from the register; ``ocsp respond``."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from ca.authority.home import CA, Home
from ca.authority.status.signers import newest_in_force
from ca.documents.ocsp import OCSPAnswerDocument
from ca.encoding.certificates import read_certificate
from ca.encoding.der import serial_octets, serial_of
from ca.errors import CAError, KeyUnavailableError
from ca.files import read_bounded, write_atomic
from ca.keys.public import read_public_key
from ca.keys.signer import KeyRef
from ca.keys.soft import open_signer
from ca.revocation.health import SignerHealth
from ca.revocation.ocsp import Answer, OCSPResponder, Responder, Revoked, SilentIssuer, failure
from ca.revocation.ocsp_request import OCSPRequest
from ca.store import ocsp_signers, revocations

LOOK_AGAIN = timedelta(minutes=1)
"""How often the signer in force is looked up."""


LONGEST_SERIAL = 8 * 1024
"""In bits; imported certificates may have serials of any sign and length."""
ANSWER_LIFETIME = timedelta(hours=1)
"""How long clients may keep a live answer; a new request sees a change at once."""


def signer_health(home: Home, ca: CA) -> SignerHealth:
    """Try the signer that answers for a CA: whether its key opens and matches its certificate."""
    held = newest_in_force(home, ca)
    health = SignerHealth(ca.issuer.name, ca.word, home.now())
    if held is None:
        return health
    trouble = None
    try:
        responder_of(ca, held)
    except CAError as error:
        trouble = error.message
    return msgspec.structs.replace(
        health, not_before=held.not_before, not_after=held.not_after, trouble=trouble,
        serial=serial_of(held.der).hex(),
    )  # fmt: skip


class Register:
    """Answers OCSP requests for a home, by its signers and the current status of serials."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.reload()

    def reload(self) -> None:
        """Load the signers that are in force now."""
        self._looked = self.home.now()
        responders = _responders(self.home)
        answering = {each.issuer_id for each in responders}
        silent = [
            SilentIssuer(ca.issuer.facts.subject_der, ca.issuer.key.bits)
            for ca in self.home.cas()
            if ca.issuer.facts is not None and ca.issuer.id not in answering
        ]
        self._responder = OCSPResponder(responders, silent)

    @property
    def responders(self) -> tuple[Responder, ...]:
        """The CAs that can be answered for."""
        return self._responder.responders

    def answer(
        self, request: bytes | OCSPRequest, *, lifetime: timedelta = ANSWER_LIFETIME
    ) -> Answer:
        """The response to a request, by the register's state at this moment."""
        now = self.home.now()
        if abs(now - self._looked) >= LOOK_AGAIN:
            self.reload()
        if not self._responder.responders:
            return failure("tryLater", "no OCSP signer is in force; sipca ocsp rotate makes one")
        return self._responder.answer(request, self.status_of, at=now, until=now + lifetime)

    def answer_as(
        self,
        request: bytes,
        status: Revoked | Literal["good", "unknown"],
        *,
        at: datetime,
        lifetime: timedelta,
    ) -> Answer:
        """The response to a request for one certificate, whose status was looked up."""
        return self._responder.answer(request, lambda *_: status, at=at, until=at + lifetime)

    def status_of(self, issuer_id: int, serial: int) -> Revoked | Literal["good", "unknown"]:
        """The current status of a serial: good only if a certificate was issued with it."""
        if serial.bit_length() > LONGEST_SERIAL:
            return "unknown"
        issued, current = revocations.look_up(self.home.store, issuer_id, serial_octets(serial))
        if current is not None:
            return Revoked(current.since, current.reason)
        return "good" if issued else "unknown"


def _responders(home: Home) -> list[Responder]:
    home.assert_sound()
    held = [(ca, ocsp_signers.in_force(home.store, ca.issuer.id, home.now())) for ca in home.cas()]
    return [responder_of(ca, row) for ca, row in held if row is not None]


def responder_of(ca: CA, held: ocsp_signers.SignerRow) -> Responder:
    """The responder of a CA.

    Raises:
        KeyUnavailableError: the signer's key does not open or does not match its certificate.
    """
    assert ca.issuer.facts is not None
    key = KeyRef(held.pkcs8, held.public, False, "OCSP signer's")
    if read_certificate(held.der).spki != held.public:
        raise KeyUnavailableError("the OCSP signer's key does not belong to its certificate")
    return Responder(
        issuer_id=ca.issuer.id,
        issuer_name=ca.issuer.facts.subject_der,
        issuer_key_bits=ca.issuer.key.bits,
        signer=open_signer(key, None),
        certificate=held.der,
        key_bits=read_public_key(held.public).bits,
        since=held.not_before,
        until=held.not_after,
    )


def respond(home: Home, request: Path, response: Path, *, overwrite: bool) -> OCSPAnswerDocument:
    """Answer a request file with a response file, which may be an error response.

    Raises:
        CAError: the request cannot be read, or the response cannot be written.
    """
    answer = Register(home).answer(read_bounded(request, pipes=True))
    write_atomic(response, answer.der, overwrite=overwrite)
    return OCSPAnswerDocument(
        status=answer.status, reason=answer.reason or None, path=str(response)
    )
