"""``scep list|show|approve|deny|rotate``: the queue of requests, and the operator's decisions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from ca.authority.enrolment.enrol import is_lapsed
from ca.authority.enrolment.names import held_by_others
from ca.authority.enrolment.signing import (
    DECIDED,
    GIVEN_UP_AFTER,
    Choices,
    await_twin,
    candidate_of,
    issue,
    request_of,
    source_of,
    wishes_of,
)
from ca.authority.home import Home
from ca.authority.status.registration import rotate_current
from ca.documents.exits import EXIT_CODES
from ca.documents.scep import (
    EnrolmentDecisionDocument,
    EnrolmentDocument,
    EnrolmentListDocument,
    EnrolmentRecord,
    RADocument,
    RefusalRecord,
    Status,
)
from ca.documents.sign import Refused, Signed
from ca.encoding import pem
from ca.encoding.account import unpack_account
from ca.errors import CAError, ConflictError, NotFoundError, attempt
from ca.lint.factoring import MOST_AT_ONCE
from ca.lint.registration import Arrived, judge_arrived
from ca.model.account import FieldAccount
from ca.model.certificates import subject_text
from ca.model.findings import Finding
from ca.names.text import printable
from ca.store import certificates, devices, enrolments, refused
from ca.store.audit import Event
from ca.store.enrolments import LAPSES_AFTER, End, EnrolmentRow

SHOWN_REFUSALS = 100


def list_requests(home: Home, *, everything: bool = False) -> EnrolmentListDocument:
    """The requests that wait for the operator, or all, and what was refused before a decision."""
    if everything:
        rows = enrolments.received_since(home.store, None)
    else:
        rows = enrolments.pending(home.store, home.now() - LAPSES_AFTER)
    return EnrolmentListDocument(
        requests=[_record(home, row, thorough=len(rows) <= MOST_AT_ONCE) for row in rows],
        refused=[
            RefusalRecord(row.address, row.sentence, row.count, row.first_at, row.last_at)
            for row in refused.refusals(home.store, SHOWN_REFUSALS)
        ],
    )


def show_request(home: Home, number: str) -> EnrolmentDocument:
    """A request with the account of what would be or was signed for it.

    Raises:
        NotFoundError: there is no such request.
    """
    row = _row(home, number)
    if row.plan_id is not None:
        held = certificates.by_plan(home.store, row.plan_id)
        account, text = unpack_account(held.account), pem.encode(held.der)
        return EnrolmentDocument(request=_record(home, row), account=account, certificate_pem=text)
    record, account = _judged(home, row)
    return EnrolmentDocument(request=record, account=account, certificate_pem=None)


def approve(home: Home, numbers: Sequence[str], choices: Choices) -> EnrolmentDecisionDocument:
    """Sign requests as ``sign`` does; each is decided on its own, and signed once.

    One that was issued before is answered with that certificate.
    """
    home.assert_sound()

    def decide(row: EnrolmentRow) -> Signed | None:
        if row.outcome == "denied":
            raise ConflictError(
                f"the request {row.id} was denied: {row.reason}",
                hint="the device has to ask again, with another key or a challenge",
                rule=DECIDED,
            )
        return None if row.outcome == "issued" else _issued_once(home, row, choices)

    return _decided(home, numbers, decide)


def deny(home: Home, numbers: Sequence[str], reason: str) -> EnrolmentDecisionDocument:
    """Deny requests for a reason, which the log tells when the device asks again."""
    home.assert_sound()

    def decide(row: EnrolmentRow) -> None:
        if row.outcome is None:
            _deny(home, row, reason)
        elif row.outcome == "issued":
            serial = _serial(home, row) or ""
            raise ConflictError(
                f"the request {row.id} has the certificate {serial[:12]} already",
                hint=f"sipca revoke {serial[:12]}",
                rule=DECIDED,
            )

    return _decided(home, numbers, decide)


def rotate(home: Home, *, if_due: bool, allow: Collection[str] = ()) -> RADocument:
    """Make a new RA certificate with a new key, or, if one is due, only then.

    Raises:
        KeyUnavailableError: the issuing key cannot be opened.
        PolicyError: the issuing CA is revoked, or the clock is behind.
    """
    record = rotate_current(home, if_due=if_due, allow=allow)
    assert record is not None
    return RADocument(ra=record)


def _issued_once(home: Home, row: EnrolmentRow, choices: Choices) -> Signed | None:
    """Sign a request; None if another process did so meanwhile."""
    try:
        return issue(home, row, choices)
    except ConflictError as error:
        if error.rule != DECIDED:
            raise
        now = await_twin(home, row)
        if now.outcome != "issued":
            raise
        return None


def _deny(home: Home, row: EnrolmentRow, reason: str) -> None:
    with home.store.write():
        now = enrolments.by_number(home.store, row.id)
        begun = enrolments.open_plan_of(home.store, source_of(row))
        signing = begun is not None and home.now() - begun[2] < GIVEN_UP_AFTER
        if now is None or now.outcome is not None or signing:
            raise ConflictError(
                f"the request {row.id} is being decided by another process",
                hint="sipca scep list --all",
                rule=DECIDED,
            )
        enrolments.end(home.store, row.id, End("denied", reason=reason), at=home.now())
        detail = {"request": str(row.id), "reason": reason}
        home.record(Event("scep-denied", str(row.id), detail, "enrolment_end", row.id))


def _decided(
    home: Home, numbers: Sequence[str], decide: Callable[[EnrolmentRow], Signed | None]
) -> EnrolmentDecisionDocument:
    decided: list[EnrolmentRecord] = []
    signed: list[Signed] = []
    failed: list[Refused] = []

    def one(number: str) -> None:
        entry = decide(_row(home, number))
        if entry is not None:
            signed.append(entry)
        decided.append(_record(home, _row(home, number)))

    for number in dict.fromkeys(numbers):
        error = attempt(one, number)
        if error is not None:
            home.note(error)
            exit_code = EXIT_CODES[error.kind]
            failed.append(
                Refused(number, error.kind, error.message, error.hint, exit_code, error.rule)
            )
    return EnrolmentDecisionDocument(
        ca=home.name, home=str(home.path), decided=decided, signed=signed, refused=failed
    )


def _row(home: Home, number: str) -> EnrolmentRow:
    row = None
    if number.isascii() and number.isdigit() and len(number) < 10:
        row = enrolments.by_number(home.store, int(number))
    if row is None:
        raise NotFoundError(
            f"there is no request '{printable(number)}'", hint="sipca scep list --all"
        )
    return row


def _status(home: Home, row: EnrolmentRow) -> Status:
    return row.outcome or ("lapsed" if is_lapsed(home, row) else "pending")


def _serial(home: Home, row: EnrolmentRow) -> str | None:
    if row.plan_id is None:
        return None
    return certificates.by_plan(home.store, row.plan_id).serial.hex()


def _record(home: Home, row: EnrolmentRow, *, thorough: bool = True) -> EnrolmentRecord:
    if row.outcome is None:
        return _judged(home, row, thorough=thorough)[0]
    record = _outline(home, row)
    if row.plan_id is None:
        return record
    held = certificates.by_plan(home.store, row.plan_id)
    return msgspec.structs.replace(
        record, serial=held.serial.hex(), device=held.device, profile=held.profile
    )


def _judged(
    home: Home, row: EnrolmentRow, *, thorough: bool = True
) -> tuple[EnrolmentRecord, list[FieldAccount]]:
    """An undecided request, with what ``sign`` says of it, and the account of it."""
    record, request = _outline(home, row), request_of(row)
    others = () if row.old_plan_id else held_by_others(home, request, record.device)
    findings = judge_arrived(
        Arrived(
            challenge=row.challenge_id is not None,
            renewal=row.old_plan_id is not None,
            legacy=row.legacy,
            held=tuple((each.serial.hex(), each.device) for each in others),
        )
    )
    candidate = attempt(candidate_of, home, row, Choices(), thorough=thorough)
    if isinstance(candidate, CAError):
        findings = [_as_finding(candidate), *findings]
        return msgspec.structs.replace(record, findings=findings), []
    findings = [*candidate.findings, *findings]
    return msgspec.structs.replace(record, findings=findings), list(candidate.prepared.account)


def _as_finding(error: CAError) -> Finding:
    code = error.rule or f"profile-{error.kind}"
    return Finding(code, "error", "fail", error.message, error.hint, "standard", "profiles 1")


def _outline(home: Home, row: EnrolmentRow) -> EnrolmentRecord:
    request, wishes = request_of(row), wishes_of(home, row, Choices())
    old = None if row.old_plan_id is None else certificates.by_plan(home.store, row.old_plan_id)
    device = wishes.device
    return EnrolmentRecord(
        id=row.id,
        status=_status(home, row),
        kind=row.kind,
        transaction_id=printable(row.transaction_id),
        received_at=row.received_at,
        address=row.address,
        device=device,
        known=device is not None and devices.spelled(home.store, device) is not None,
        subject=subject_text(request.subject),
        san=[*map(str, request.san), *request.other_names],
        key=request.key.label,
        profile=wishes.profile,
        challenge=row.challenge_id is not None,
        renews=None if old is None else old.serial.hex(),
        legacy=list(row.legacy),
        serial=None,
        reason=row.reason or None,
        decided_at=row.ended_at,
        findings=[],
    )
