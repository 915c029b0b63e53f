"""Delegated OCSP signers, and answering for the register with them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Literal

import msgspec

from ca.authority import recording
from ca.authority.clock import accept_clock, check_clock
from ca.authority.crls import ca_called
from ca.authority.home import CA, Home
from ca.authority.upkeep import is_due
from ca.documents.revocation import OCSPAnswerDocument, SignerRecord, SignersDocument
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, KeyUnavailableError
from ca.files import read_bounded, write_atomic
from ca.issuance.issue import issue
from ca.issuance.order import Order, own_request
from ca.issuance.prepare import prepare
from ca.keys.public import read_public_key
from ca.keys.signer import KeyRef
from ca.keys.soft import make, open_signer
from ca.model.certificates import SubjectAttribute
from ca.model.wishes import SigningWishes
from ca.profiles.library import Library
from ca.revocation.health import SignerHealth
from ca.revocation.ocsp import Answer, OCSPResponder, Responder, Revoked, SilentIssuer, failure
from ca.revocation.ocsp_request import OCSPRequest
from ca.store import responders as signers
from ca.store import revocations
from ca.store.audit import Event

ROLE = "ocsp-responder"
LOOK_AGAIN = timedelta(minutes=1)
"""How often it is looked which signer is in force now."""
ANSWER_LIFETIME = timedelta(hours=1)
"""How long an answer given live may be kept; whoever asks again hears of a change at once."""


def rotate(
    home: Home, ca: CA, *, if_due: bool = False, allow: Collection[str] = ()
) -> SignerRecord | None:
    """Give a CA a new OCSP signer with a new key; None if ``if_due`` and none is due.

    The keys of those before it stay until they have ended and a later one has been in force for
    a while: a moment with a wrong clock destroys nothing.

    Raises:
        KeyUnavailableError: the CA's key cannot be opened.
        PolicyError: the CA is revoked, or the clock is behind.
    """
    if if_due and not is_due(home, ca):
        return None
    home.assert_sound()
    home.check_not_revoked(ca)
    check_clock(home, allow)
    signer = home.signer(ca)
    key = make(_key_spec(ca), None, label=f"OCSP signer of {ca.issuer.ca_id}")
    profile = Library().profile(ROLE)
    lifetime = profile.max_lifetime if ca.role == "root" else profile.lifetime
    order = Order(
        request=own_request(key.public.spki, _subject(home, ca)),
        profile=msgspec.structs.replace(profile, lifetime=lifetime),
        issuer=ca.issuer,
        wishes=SigningWishes(profile=ROLE),
        now=home.now(),
        serial=home.new_serial(),
    )
    draft = recording.Draft(prepare(order), profile, ca.issuer.id, "default", "ocsp rotate")
    with home.store.write():
        accept_clock(home, allow)
        key_id = recording.keep_key(home, key.ref)
        (plan_id,) = recording.write_plans(home, [draft])
        signers.add(home.store, plan_id=plan_id, issuer_id=ca.issuer.id, key_id=key_id)
        serial = draft.prepared.serial.hex()
        detail = {"ca": ca.issuer.ca_id, "serial": serial}
        home.record(Event("ocsp-signer-planned", ca.issuer.name, detail))
    home.step("signer-planned")
    issued = issue(draft.prepared.tbs, signer, ca.issuer.key)
    home.step("signer-signed")
    with home.store.write():
        recording.write_result(home, plan_id, draft, issued)
        for row in signers.unneeded(home.store, ca.issuer.id, home.now()):
            signers.forget_key(home.store, row.key_id)
        home.record(Event("ocsp-signer", ca.issuer.name, detail))
    home.step("signer-recorded")
    return signer_record(home, ca, made=True)


def signer_record(home: Home, ca: CA, *, made: bool) -> SignerRecord | None:
    """The OCSP signer in force for a CA, or the newest one where none is."""
    held = _newest_in_force(home, ca)
    if held is None:
        return None
    facts = read_certificate(held.der)
    return SignerRecord(
        ca=ca.issuer.name,
        id=ca.issuer.ca_id,
        serial=facts.serial,
        subject=facts.cn or "",
        key=read_public_key(facts.spki).label,
        not_before=facts.validity.not_before,
        not_after=facts.validity.not_after,
        made=made,
    )


def _newest_in_force(home: Home, ca: CA) -> signers.SignerRow | None:
    rows = signers.signers(home.store, ca.issuer.id)
    now = home.now()
    return next((row for row in rows if row.is_in_force(now)), rows[0] if rows else None)


def signer_health(home: Home, ca: CA) -> SignerHealth:
    """The signer that answers for a CA, tried: whether its key opens and is its certificate's."""
    held = _newest_in_force(home, ca)
    health = SignerHealth(ca.issuer.name, ca.role, home.now())
    if held is None:
        return health
    trouble = None
    try:
        _responder(ca, held)
    except CAError as error:
        trouble = error.message
    return msgspec.structs.replace(
        health, not_before=held.not_before, not_after=held.not_after, trouble=trouble
    )


class Register:
    """What answers OCSP requests for a home: its signers, and every serial's status now."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.reload()

    def reload(self) -> None:
        """Take up signers made since, or in force since."""
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
        """The response to a request, from what the register says at this moment."""
        now = self.home.now()
        if abs(now - self._looked) >= LOOK_AGAIN:
            self.reload()
        if not self._responder.responders:
            return failure("tryLater", "no OCSP signer is in force; sipca ocsp rotate makes one")
        return self._responder.answer(request, self.status_of, at=now, until=now + lifetime)

    def status_of(self, issuer_id: int, serial: int) -> Revoked | Literal["good", "unknown"]:
        """What a serial is now: never good unless a certificate was issued with it."""
        if not 0 < serial < 1 << 160:
            return "unknown"
        octets = serial.to_bytes((serial.bit_length() + 7) // 8, "big")
        issued, current = revocations.looked_up(self.home.store, issuer_id, octets)
        if current is not None:
            return Revoked(current.since, current.reason)
        return "good" if issued else "unknown"


def _responders(home: Home) -> list[Responder]:
    home.assert_sound()
    held = [(ca, signers.in_force(home.store, ca.issuer.id, home.now())) for ca in home.cas()]
    return [_responder(ca, row) for ca, row in held if row is not None]


def _responder(ca: CA, held: signers.SignerRow) -> Responder:
    """What answers for a CA.

    Raises:
        KeyUnavailableError: the signer's key does not open, or is not its certificate's.
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


def _key_spec(ca: CA) -> str:
    """A key of the CA's own family: devices that take one kind of CA may know no other."""
    return "rsa:2048" if ca.issuer.key.algorithm == "rsa" else f"ec:{ca.issuer.key.curve}"


def _subject(home: Home, ca: CA) -> tuple[SubjectAttribute, ...]:
    return (SubjectAttribute("CN", f"{home.name[:40]} OCSP {ca.role}"),)


def respond(home: Home, request: Path, response: Path, *, overwrite: bool) -> OCSPAnswerDocument:
    """Answer a request file with a response file; an error response is written too.

    Raises:
        CAError: the request cannot be read, or the response not be written.
    """
    answer = Register(home).answer(read_bounded(request, pipes=True))
    write_atomic(response, answer.der, overwrite=overwrite)
    return OCSPAnswerDocument(
        status=answer.status, reason=answer.reason or None, path=str(response)
    )


def rotate_some(
    home: Home, word: str | None, *, if_due: bool, allow: Collection[str] = ()
) -> SignersDocument:
    """New OCSP signers for one CA, or for all; a CA that is revoked keeps none of the others.

    Raises:
        NotFoundError: there is no such CA.
        KeyUnavailableError: a CA's key cannot be opened.
        PolicyError: a CA is revoked (the others have their new signers), or the clock is behind.
    """
    cas = home.cas() if word is None else [ca_called(home, word)]
    check_clock(home, allow)
    records = []
    for ca in sorted(cas, key=lambda each: home.revocation_of(each) is not None):
        made = rotate(home, ca, if_due=if_due, allow=allow)
        records.append(made or signer_record(home, ca, made=False))
    return SignersDocument(signers=[each for each in records if each is not None])
