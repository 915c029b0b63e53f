"""Delegated OCSP signers, and answering for the register with them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

import msgspec

from ca.authority import recording
from ca.authority.crls import ca_called
from ca.authority.home import CA, Home
from ca.authority.upkeep import is_due
from ca.documents.revocation import OCSPAnswerDocument, SignerRecord, SignersDocument
from ca.encoding.certificates import read_certificate
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
from ca.revocation.ocsp import Answer, OCSPResponder, Responder, Revoked, failure
from ca.revocation.ocsp_request import OCSPRequest
from ca.store import responders as signers
from ca.store import revocations
from ca.store.audit import Event

ROLE = "ocsp-responder"
ANSWER_LIFETIME = timedelta(hours=1)
"""How long an answer given live may be kept; whoever asks again hears of a change at once."""


def rotate(home: Home, ca: CA, *, if_due: bool = False) -> SignerRecord | None:
    """Give a CA a new OCSP signer with a new key; None if ``if_due`` and none is due.

    Raises:
        KeyUnavailableError: the CA's key cannot be opened.
    """
    if if_due and not is_due(home, ca):
        return None
    home.assert_sound()
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
        signers.forget_keys_before(home.store, ca.issuer.id, plan_id)
        home.record(Event("ocsp-signer", ca.issuer.name, detail))
    home.step("signer-recorded")
    return signer_record(home, ca, made=True)


def signer_record(home: Home, ca: CA, *, made: bool) -> SignerRecord | None:
    """The OCSP signer in force for a CA."""
    held = signers.in_force(home.store, ca.issuer.id)
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


class Register:
    """What answers OCSP requests for a home: its signers, and every serial's status now."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._responder = OCSPResponder(_responders(home))

    def reload(self) -> None:
        """Take up signers made since."""
        self._responder = OCSPResponder(_responders(self.home))

    @property
    def responders(self) -> tuple[Responder, ...]:
        """The CAs that can be answered for."""
        return self._responder.responders

    def answer(
        self, request: bytes | OCSPRequest, *, lifetime: timedelta = ANSWER_LIFETIME
    ) -> Answer:
        """The response to a request, from what the register says at this moment."""
        if not self._responder.responders:
            return failure("tryLater", "there is no OCSP signer; sipca ocsp rotate makes one")
        now = self.home.now()
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
    found = []
    for ca in home.cas():
        held = signers.in_force(home.store, ca.issuer.id)
        facts = ca.issuer.facts
        if held is None or facts is None:
            continue
        key = KeyRef(held.pkcs8, held.public, False, "OCSP signer's")
        own = read_certificate(held.der)
        found.append(
            Responder(
                issuer_id=ca.issuer.id,
                issuer_name=facts.subject_der,
                issuer_key_bits=ca.issuer.key.bits,
                signer=open_signer(key, None),
                certificate=held.der,
                key_bits=read_public_key(held.public).bits,
                until=own.validity.not_after,
            )
        )
    return found


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
    answer = Register(home).answer(read_bounded(request))
    write_atomic(response, answer.der, overwrite=overwrite)
    return OCSPAnswerDocument(
        status=answer.status, reason=answer.reason or None, path=str(response)
    )


def rotate_some(home: Home, word: str | None, *, if_due: bool) -> SignersDocument:
    """New OCSP signers for one CA, or for all.

    Raises:
        NotFoundError: there is no such CA.
        KeyUnavailableError: a CA's key cannot be opened.
    """
    cas = home.cas() if word is None else [ca_called(home, word)]
    records = [rotate(home, ca, if_due=if_due) or signer_record(home, ca, made=False) for ca in cas]
    return SignersDocument(signers=[each for each in records if each is not None])
