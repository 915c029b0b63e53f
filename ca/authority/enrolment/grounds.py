"""On what grounds a request may be issued without an operator: a challenge, or a renewal."""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest

import msgspec

from ca.authority.enrolment.arrival import Arrival
from ca.authority.enrolment.names import folded, requested
from ca.authority.enrolment.refused import is_locked_out, is_under_attack, note_refused
from ca.authority.enrolment.requests import EnrolmentRefusedError, WrongChallengeError
from ca.authority.home import Home
from ca.authority.signing.renew import profile_of
from ca.csr.request import CertificateRequest
from ca.encoding.certificates import read_certificate
from ca.encoding.der import serial_of
from ca.errors import MalformedError
from ca.model.certificates import CertificateFacts, subject_text
from ca.model.status import Status
from ca.names.text import printable
from ca.store import certificates, challenges, enrolments
from ca.store.certificates import CertificateRow
from ca.store.challenges import ChallengeRow

MOST_RENEWALS = 3
"""How often one certificate may be renewed: a device that lost an answer asks once more."""


_NOT_TRIED = "too many wrong challenges came of late: this one was not tried, the request waits"


class Grounds(msgspec.Struct, frozen=True):
    """The challenge that a request gave, or the certificate that it renews; or neither."""

    challenge: ChallengeRow | None = None
    old: CertificateRow | None = None


def grounds_of(home: Home, arrival: Arrival) -> Grounds:
    """The grounds of a request.

    Raises:
        WrongChallengeError: there is no such challenge.
        EnrolmentRefusedError: the challenge may not be used for this, or the certificate may not
            be renewed.
    """
    if arrival.asked.kind == "renewal":
        return Grounds(old=_renewed(home, arrival))
    if not arrival.challenge:
        return Grounds()
    if is_locked_out(home, arrival.asked.address):
        raise EnrolmentRefusedError("too many wrong challenges came from this address of late")
    if is_under_attack(home):
        note_refused(home, arrival.asked.address, _NOT_TRIED)
        return Grounds()  # the operator decides, whatever the challenge is
    challenge = _known(home, arrival.challenge)
    check_usable(home, challenge)
    _check_names(challenge, arrival.request)
    return Grounds(challenge=challenge)


def hash_of(challenge: str) -> bytes:
    """The hash by which a challenge is known; case and blanks around it do not matter."""
    return sha256(challenge.strip().casefold().encode("utf-8", "replace")).digest()


def _known(home: Home, given: str) -> ChallengeRow:
    """The challenge that was given, compared with all in constant time.

    Raises:
        WrongChallengeError: there is none.
    """
    hashed, found = hash_of(given), None
    for number, kept in challenges.hashes_since(home.store, home.now() - challenges.REMEMBERED):
        if compare_digest(kept, hashed):
            found = number
    if found is None:
        raise WrongChallengeError("the challenge is wrong")
    return challenges.by_number(home.store, found)


def check_usable(home: Home, challenge: ChallengeRow) -> None:
    """Check that a challenge has not ended and is not used up.

    Raises:
        EnrolmentRefusedError: it has or is.
    """
    if challenge.expires_at <= home.now():
        raise EnrolmentRefusedError(
            f"the challenge ended at {challenge.expires_at:%Y-%m-%d %H:%M}Z"
        )
    if challenge.used >= challenge.uses:
        times = "once" if challenge.uses == 1 else f"{challenge.uses} times"
        raise EnrolmentRefusedError(f"the challenge was good {times}, and is used up")


def _check_names(challenge: ChallengeRow, request: CertificateRequest) -> None:
    if not challenge.names:
        return
    for name in requested(request):
        if folded(name) not in challenge.names:
            raise EnrolmentRefusedError(
                f"the challenge is for the device '{printable(challenge.device or '')}', and "
                f"'{printable(name)}' is not one of its names"
            )


_NOT_RENEWED: dict[Status, str] = {
    "expired": "has expired",
    "revoked": "is revoked",
    "held": "is on hold",
    "not-yet-valid": "has not begun",
}


def _renewed(home: Home, arrival: Arrival) -> CertificateRow:
    """The certificate that a renewal is signed by.

    Raises:
        EnrolmentRefusedError: it is not ours, or may not be renewed now, or with these names.
    """
    row, facts = _ours(home, arrival.asked.signer or b"")
    serial, now = row.serial.hex()[:12], home.now()
    status = row.status(now)
    if status in _NOT_RENEWED:
        raise EnrolmentRefusedError(
            f"the certificate {serial} {_NOT_RENEWED[status]} and cannot be renewed"
        )
    begins = facts.validity.not_before + (facts.validity.not_after - facts.validity.not_before) / 2
    if now < begins:
        raise EnrolmentRefusedError(
            f"the certificate {serial} can be renewed from {begins:%Y-%m-%d} on, when half of its "
            "life is over"
        )
    if enrolments.issued_to(home.store, row.plan_id) >= MOST_RENEWALS:
        raise EnrolmentRefusedError(
            f"the certificate {serial} was renewed {MOST_RENEWALS} times already"
        )
    _check_same_names(arrival.request, facts)
    _check_same_subject(home, arrival.request, row, facts)
    return row


def _ours(home: Home, signer: bytes) -> tuple[CertificateRow, CertificateFacts]:
    """The row of an end entity's certificate of ours, byte for byte.

    Raises:
        EnrolmentRefusedError: there is none.
    """
    try:
        facts, serial = read_certificate(signer), serial_of(signer).hex()
    except MalformedError:
        raise EnrolmentRefusedError(
            "a renewal has to be signed by the certificate that it renews", "badMessageCheck"
        ) from None
    for row in certificates.by_serial_prefix(home.store, serial):
        is_device = row.for_issuer_id is None and row.signature is not None
        if is_device and row.der == signer and not certificates.is_delegate(home.store, row):
            return row, facts
    raise EnrolmentRefusedError(
        f"the certificate {serial[:12]} that signed the renewal is not one of this CA's",
        "badCertId",
    )


def _check_same_names(request: CertificateRequest, facts: CertificateFacts) -> None:
    """Check that a renewal asks for no other names than its certificate has; it may leave out some.

    Raises:
        EnrolmentRefusedError: it does.
    """
    had = {folded(each.value) for each in facts.san} | {folded(facts.cn or "")}
    for name in requested(request):
        if folded(name) not in had:
            raise EnrolmentRefusedError(
                f"a renewal keeps its names, and '{printable(name)}' is not one of the certificate"
            )
    if folded(request.cn or "") != folded(facts.cn or ""):
        raise EnrolmentRefusedError(
            f"a renewal keeps its names: the CN is '{printable(request.cn or '')}', and that of "
            f"the certificate '{printable(facts.cn or '')}'"
        )


def _check_same_subject(
    home: Home, request: CertificateRequest, row: CertificateRow, facts: CertificateFacts
) -> None:
    """Check that a renewal has the subject of its certificate, as far as its profile takes it.

    Raises:
        EnrolmentRefusedError: it has another.
    """
    taken = home.library.profile(profile_of(row, facts)).subject.take
    asked = {(each.type, each.value.casefold()) for each in request.subject if each.type in taken}
    if asked != {(each.type, each.value.casefold()) for each in facts.subject}:
        raise EnrolmentRefusedError(
            "a renewal keeps its names: the subject is "
            f"'{printable(subject_text(request.subject))}', and that of the certificate "
            f"'{printable(subject_text(facts.subject))}'"
        )
