"""``enrol`` and ``poll``: what a device asks for, recorded and answered."""

from __future__ import annotations

from collections import Counter

from ca.authority.enrolment.arrival import Arrival, read_arrival
from ca.authority.enrolment.grounds import Grounds, check_usable, grounds_of
from ca.authority.enrolment.refused import note_refused
from ca.authority.enrolment.requests import (
    EnrolmentAnswer,
    EnrolmentRefusedError,
    EnrolmentRequest,
    WrongChallengeError,
)
from ca.authority.enrolment.signing import (
    DECIDED,
    Choices,
    await_twin,
    issue,
    may_issue,
)
from ca.authority.home import Home
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, StoreError
from ca.keys.public import read_public_key
from ca.names.text import printable
from ca.store import certificates, challenges, enrolments
from ca.store.audit import Event
from ca.store.enrolments import LAPSES_AFTER, EnrolmentRow, NewEnrolment

MOST_PENDING, MOST_PENDING_OF_ONE = 500, 20
"""How many requests may wait for the operator: from all addresses, from one."""


def enrol(home: Home, asked: EnrolmentRequest) -> EnrolmentAnswer:
    """Record a device's request, issue it where that may be, and answer.

    The same request of the same transaction again is answered with what became of it. Whatever the
    device did wrong is an answer.

    Raises:
        StoreError: the register cannot be written, or is not sound.
    """
    home.assert_sound()
    try:
        arrival = read_arrival(asked)
        row = _recorded(home, arrival)
        if row is None or _brings_more(row, arrival):
            row = _keep(home, arrival, grounds_of(home, arrival))
    except EnrolmentRefusedError as error:
        guess = isinstance(error, WrongChallengeError)
        note_refused(home, asked.address, error.message, guess=guess)
        return refusal(error.message, error)
    return _answer(home, row)


def poll(home: Home, transaction_id: str, *, signer: bytes, address: str = "") -> EnrolmentAnswer:
    """What became of a request; ``signer`` is the certificate (DER) that signed the question.

    Raises:
        StoreError: the register cannot be used.
    """
    home.assert_sound()
    row = _asked_about(home, transaction_id, signer)
    if row is None:
        sentence = f"no request of the transaction '{printable(transaction_id)}' is known"
        note_refused(home, address, sentence)
        return EnrolmentAnswer("refused", fail_info="badCertId", sentence=sentence)
    return _answer(home, row)


def refusal(sentence: str, error: CAError | None = None) -> EnrolmentAnswer:
    """The answer that refuses, with the reason for the log."""
    fail_info = error.fail_info if isinstance(error, EnrolmentRefusedError) else "badRequest"
    return EnrolmentAnswer("refused", fail_info=fail_info, sentence=sentence)


def _asked_about(home: Home, transaction_id: str, signer: bytes) -> EnrolmentRow | None:
    """The newest request of a transaction whose key signs, or whose renewed certificate does."""
    try:
        identity = read_public_key(read_certificate(signer).spki).identity
    except CAError:
        return None
    for row in enrolments.by_transaction(home.store, transaction_id):
        if row.key_identity == identity:
            return row
        if row.old_plan_id is not None:
            old = certificates.by_plan(home.store, row.old_plan_id)
            if old.der == signer:
                return row
    return None


def _recorded(home: Home, arrival: Arrival) -> EnrolmentRow | None:
    """The same request of the same transaction, if it came before and is not over.

    Devices make the transaction id of their key: it is the same at each renewal with that key, and
    only the certificate that signs tells them apart.
    """
    asked = arrival.asked
    for row in enrolments.by_transaction(home.store, asked.transaction_id):
        if (row.csr_sha256, row.kind) != (arrival.sha256, asked.kind):
            continue
        if row.old_plan_id is not None:
            old = certificates.by_plan(home.store, row.old_plan_id)
            if old.der != asked.signer:
                continue
        return None if _is_over(home, row) else row
    return None


def _is_over(home: Home, row: EnrolmentRow) -> bool:
    """Whether a request has to be made anew: nobody decided it, or its certificate has expired."""
    if row.plan_id is None:
        return is_lapsed(home, row)
    return certificates.by_plan(home.store, row.plan_id).status(home.now()) == "expired"


def _brings_more(row: EnrolmentRow, arrival: Arrival) -> bool:
    """Whether a request that was not granted without a challenge comes with one now."""
    return row.plan_id is None and row.challenge_id is None and bool(arrival.challenge)


def is_lapsed(home: Home, row: EnrolmentRow) -> bool:
    """Whether nobody decided a request in time."""
    return row.outcome is None and home.now() - row.received_at > LAPSES_AFTER


def _keep(home: Home, arrival: Arrival, grounds: Grounds) -> EnrolmentRow:
    """Record a request with its event; its challenge counts as used from here on.

    Raises:
        EnrolmentRefusedError: the queue is full, or the challenge was used up meanwhile.
    """
    asked = arrival.asked
    new = NewEnrolment(
        transaction_id=asked.transaction_id,
        kind=asked.kind,
        csr=arrival.kept,
        csr_sha256=arrival.sha256,
        key_identity=arrival.request.key.identity,
        old_plan_id=None if grounds.old is None else grounds.old.plan_id,
        challenge_id=None if grounds.challenge is None else grounds.challenge.id,
        address=printable(asked.address),
        legacy=asked.legacy,
    )
    with home.store.write():
        twin = _recorded(home, arrival)
        if twin is not None and (twin.plan_id or twin.challenge_id == new.challenge_id):
            return twin
        if grounds.challenge is not None:
            check_usable(home, challenges.by_number(home.store, grounds.challenge.id))
        _check_room(home, new.address)
        number = enrolments.add(home.store, new, at=home.now())
        home.record(_received(number, arrival, new))
    home.step("scep-received")
    row = enrolments.by_number(home.store, number)
    assert row is not None
    return row


def _received(number: int, arrival: Arrival, new: NewEnrolment) -> Event:
    detail = {
        "request": str(number),
        "transaction": printable(new.transaction_id),
        "kind": new.kind,
        "address": new.address,
        "names": printable(arrival.request.cn or ""),
    }
    if new.challenge_id is not None:
        detail["challenge"] = str(new.challenge_id)
    if new.legacy:
        detail["legacy"] = ", ".join(new.legacy)
    return Event("scep-request", str(number), detail, "enrolment", number)


def _check_room(home: Home, address: str) -> None:
    """Check that the queue has room, so that nobody fills the disk by asking.

    Raises:
        EnrolmentRefusedError: it is full.
    """
    waiting = Counter(enrolments.pending_addresses(home.store, home.now() - LAPSES_AFTER))
    if waiting[address] >= MOST_PENDING_OF_ONE:
        raise EnrolmentRefusedError(
            f"{MOST_PENDING_OF_ONE} requests from this address wait for the operator already"
        )
    if waiting.total() >= MOST_PENDING:
        raise EnrolmentRefusedError(f"{MOST_PENDING} requests wait for the operator already")


def _answer(home: Home, row: EnrolmentRow) -> EnrolmentAnswer:
    """What became of a request; one that may be issued without an operator is issued now."""
    sentence = "waits for the operator: sipca scep approve"
    if row.outcome is None and not is_lapsed(home, row) and may_issue(home, row):
        try:
            issue(home, row, _alone(row))
        except StoreError:
            raise
        except CAError as error:
            home.note(error)
            sentence = f"waits for the operator: {error.message}"
            if error.rule == DECIDED:
                await_twin(home, row)
        row = enrolments.by_number(home.store, row.id) or row
    return answer_of(home, row, sentence)


def _alone(row: EnrolmentRow) -> Choices:
    """What vouches for a request that is issued without an operator."""
    return Choices(by="a renewal" if row.old_plan_id else f"challenge {row.challenge_id}")


def answer_of(home: Home, row: EnrolmentRow, waiting: str) -> EnrolmentAnswer:
    """The answer to a request as it stands."""
    if row.outcome == "denied":
        return refusal(f"the request {row.id} was denied: {row.reason}")
    if row.outcome is None:
        if is_lapsed(home, row):
            return refusal(f"nobody decided the request {row.id} within {LAPSES_AFTER.days} days")
        return EnrolmentAnswer("pending", sentence=f"the request {row.id} {waiting}")
    assert row.plan_id is not None
    issued = certificates.by_plan(home.store, row.plan_id)
    if issued.revocation is not None:
        return refusal(
            f"the certificate {issued.serial.hex()} of the request {row.id} is "
            f"{issued.status(home.now())}: the device has to make another key"
        )
    chain = tuple(each.facts.der for each in home.path_of(home.ca_of(issued.issuer_id)))
    sentence = f"the request {row.id} has the certificate {issued.serial.hex()}"
    return EnrolmentAnswer("issued", issued.der, chain, sentence=sentence)
