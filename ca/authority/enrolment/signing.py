"""From a recorded request to its certificate, by the road that ``sign`` takes; each only once."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from ca.authority.enrolment.names import claimed_device, held_by_others
from ca.authority.home import Home
from ca.authority.lineage import key_state
from ca.authority.signing.candidates import Candidate, Source
from ca.authority.signing.commit import abandon
from ca.authority.signing.judge import Judge
from ca.authority.signing.renew import profile_of
from ca.authority.signing.sign import sign
from ca.authority.upload_files import Delivery
from ca.csr.parsing import parse_request
from ca.csr.request import CertificateRequest
from ca.documents.sign import Signed
from ca.encoding import pem
from ca.encoding.certificates import read_certificate
from ca.errors import ConflictError
from ca.model.wishes import SigningWishes
from ca.store import certificates, challenges, enrolments, successions
from ca.store.audit import Event
from ca.store.enrolments import SOURCE, End, EnrolmentRow

DEFAULT_PROFILE = "phone"
GIVEN_UP_AFTER = timedelta(seconds=60)
"""So old, a plan for a request was left by a crash: the next attempt gives it up."""

DECIDED = "scep-decided"
AWAIT_TWIN, PAUSE = timedelta(seconds=3), timedelta(milliseconds=30)
"""How long to wait for another process that is signing the same request, and in which steps."""


class Choices(msgspec.Struct, frozen=True):
    """What the operator chooses for a request; None: what challenge, device or default say."""

    profile: str | None = None
    device: str | None = None
    allow: frozenset[str] = frozenset()
    by: str = "the operator"


def source_of(row: EnrolmentRow) -> str:
    """What the register calls the origin of a request's certificate."""
    return f"{SOURCE}{row.id}"


def request_of(row: EnrolmentRow) -> CertificateRequest:
    """The request as it was kept; its signature verified when it came."""
    return msgspec.structs.replace(parse_request(row.csr), proven=True)


def wishes_of(home: Home, row: EnrolmentRow, choices: Choices) -> SigningWishes:
    """Profile, device and names of a request's certificate."""
    if row.old_plan_id is not None:
        old = certificates.by_plan(home.store, row.old_plan_id)
        facts = read_certificate(old.der)
        return SigningWishes(
            profile=choices.profile or profile_of(old, facts),
            device=choices.device or old.device,
            context=old.context,
            cn=facts.cn,
            san=facts.san,
            replace_san=True,
            allow=choices.allow,
            again=True,
        )
    challenge = None
    if row.challenge_id is not None:
        challenge = challenges.by_number(home.store, row.challenge_id)
    device = choices.device or (challenge.device if challenge else None)
    device = device or claimed_device(home, request_of(row))
    profile = choices.profile or (challenge.profile if challenge else None)
    return SigningWishes(
        profile=profile or _profile_on(home, device) or DEFAULT_PROFILE,
        device=device,
        allow=choices.allow,
    )


def _profile_on(home: Home, device: str | None) -> str | None:
    """The profile of a device's one certificate in use without a context, or None."""
    if device is None:
        return None
    rows = successions.in_use_of_device(home.store, device)
    profiles = {row.profile for row in rows if row.context is None and not row.is_imported}
    known = set(home.library.profiles.names())
    return profiles.pop() if len(profiles) == 1 and profiles <= known else None


def source_for(home: Home, row: EnrolmentRow, choices: Choices) -> Source:
    """The request as a source of ``sign``."""
    return Source(
        source_of(row),
        None,
        wishes_of(home, row, choices),
        data=pem.encode(row.csr, "CERTIFICATE REQUEST").encode(),
        old_plan=_to_supersede(home, row),
        proven=True,
        claim=_Claim(home, row, choices),
    )


def _to_supersede(home: Home, row: EnrolmentRow) -> int | None:
    """The certificate that a renewal replaces: the one that it was signed by, or its successor.

    A device that lost the answer to its first renewal renews the same certificate once more.
    """
    if row.old_plan_id is None:
        return None
    old, seen = certificates.by_plan(home.store, row.old_plan_id), {row.old_plan_id}
    while old.superseded_by is not None:
        (old,) = certificates.by_serial_prefix(home.store, old.superseded_by.hex())[:1]
        if old.plan_id in seen:
            return None
        seen.add(old.plan_id)
    return old.plan_id


def candidate_of(
    home: Home, row: EnrolmentRow, choices: Choices, *, thorough: bool = True
) -> Candidate:
    """What would be signed for a request; nothing is written.

    ``thorough``: its key is also judged by the rules that take milliseconds.

    Raises:
        CAError: ``sign`` would refuse it.
    """
    judge = Judge(home)
    judge.thorough = thorough
    return judge.candidate(source_for(home, row, choices))


def may_issue(home: Home, row: EnrolmentRow) -> bool:
    """Whether a request is issued without an operator.

    It has to be a renewal, or have come with a challenge for its device, or for names and a device
    that no other key has a certificate for; and the issuing key must open without a passphrase.
    """
    if key_state(home.ca("issuing").key) != "here":
        return False
    if row.old_plan_id is not None:
        return True
    if row.challenge_id is None:
        return False
    challenge = challenges.by_number(home.store, row.challenge_id)
    if challenge.names:
        return True
    request = request_of(row)
    return not held_by_others(home, request, claimed_device(home, request))


def issue(home: Home, row: EnrolmentRow, choices: Choices) -> Signed:
    """Sign a request and record that; what was signed before is handed out again.

    Raises:
        ConflictError: another process is signing it, or decided it.
        CAError: ``sign`` refuses it.
    """
    document = sign(home, [source_for(home, row, choices)], delivery=Delivery())
    if document.refused:
        raise document.refused[0].error()
    if document.signed:
        return document.signed[0]
    entry = document.skipped[0]
    (held,) = certificates.by_serial_prefix(home.store, entry.serial or "")[:1]
    with home.store.write():
        _check_open(home, row)
        _record(home, row, held.plan_id, entry.serial or "", choices)
    return entry


def await_twin(home: Home, row: EnrolmentRow) -> EnrolmentRow:
    """A request as it is when another process that signs it has recorded it, or took too long."""
    now = row
    for _ in range(AWAIT_TWIN // PAUSE):
        now = enrolments.by_number(home.store, row.id) or row
        if now.outcome is not None:
            break
        home.pause(PAUSE)
    return now


class _Claim:
    """Lets a request be signed once, whoever is at it."""

    def __init__(self, home: Home, row: EnrolmentRow, choices: Choices) -> None:
        self._home, self._row, self._choices = home, row, choices

    def check(self) -> None:
        """Check that nobody decided the request or is signing it; a crash's plan is given up.

        Raises:
            ConflictError: somebody did or is.
        """
        home = self._home
        _check_open(home, self._row)
        begun = enrolments.open_plan_of(home.store, source_of(self._row))
        if begun is None:
            return
        number, serial, at = begun
        if home.now() - at < GIVEN_UP_AFTER:
            raise ConflictError(
                f"the request {self._row.id} is being signed by another process",
                hint="run it again in a minute",
                rule=DECIDED,
            )
        abandon(home, number, serial, "left by an interrupted run")

    def recorded(self, number: int) -> None:
        """Record that the request ended with this plan's certificate."""
        row = certificates.by_plan(self._home.store, number)
        _record(self._home, self._row, number, row.serial.hex(), self._choices)


def _check_open(home: Home, row: EnrolmentRow) -> None:
    now = enrolments.by_number(home.store, row.id)
    if now is not None and now.outcome is not None:
        raise ConflictError(
            f"the request {row.id} is {now.outcome} already", hint="sipca scep list", rule=DECIDED
        )


def _record(home: Home, row: EnrolmentRow, plan_id: int, serial: str, choices: Choices) -> None:
    numbers = [row.id]
    if row.kind == "new":  # the same octets may wait once more, under another transaction id
        waiting = enrolments.pending_of(home.store, row.csr_sha256, row.key_identity)
        numbers += [each for each in waiting if each != row.id]
    for number in numbers:
        enrolments.end(home.store, number, End("issued", plan_id, choices.by), at=home.now())
        detail = {"request": str(number), "serial": serial, "by": choices.by}
        home.record(Event("scep-issued", str(number), detail, "enrolment_end", number))
