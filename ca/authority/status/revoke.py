"""``revoke`` and ``release``: recorded without a key, listed by the next CRL."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from ca.authority.clock import accept_clock, check_clock
from ca.authority.home import CA, Home
from ca.authority.records import certificate_record
from ca.authority.refs import (
    find_all,
    find_superseded,
    is_revoked_as_superseded,
    label,
    superseded_beside,
    with_serial,
)
from ca.authority.register import record_status
from ca.authority.status.crl import crl_record, make_crl
from ca.authority.status.restored import RESTORED
from ca.documents.revoke import RevocationDocument, StatusChange
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, KeyUnavailableError, MalformedError, PolicyError
from ca.model.certificates import subject_text
from ca.model.status import KEY_COMPROMISE, Reason
from ca.revocation.rules import (
    Standing,
    change_of,
    check_release,
    check_revocation,
)
from ca.store import certificates, revocations, settings
from ca.store.audit import Event
from ca.store.certificates import CertificateRow
from ca.store.revocations import StatusEvent
from ca.store.timestamps import to_text

_WHOLE_SERIAL = re.compile(r"(?:[0-9a-f]{2}){8,20}", re.ASCII)
"""A serial that nobody types by mistake in place of another: 8 octets or more, an even count."""


class RevocationWishes(msgspec.Struct, frozen=True):
    """The reason, the scope, and whether a CRL is made in the same call."""

    reason: Reason = "unspecified"
    invalid_since: datetime | None = None
    all_with_key: bool = False
    make_crls: bool = True
    allow: frozenset[str] = frozenset()


def revoke(
    home: Home, refs: Sequence[str], serials: Sequence[str], wishes: RevocationWishes
) -> RevocationDocument:
    """Revoke certificates by REF, and serials even if no certificate was issued for them.

    All are revoked or none. A revocation needs no key; the CRL that lists it does.

        Raises:
            NotFoundError: a REF or serial is not known.
            ConflictError: a REF could mean several; one is revoked already, and not both times
                as superseded.
            PolicyError: a root would be revoked, or the clock is behind.
    """
    if wishes.invalid_since is not None and wishes.invalid_since > home.now():
        raise MalformedError("the date since which the key is suspect is in the future")
    home.assert_sound()
    check_clock(home, wishes.allow)
    unknown = {each: lost for each in serials if (lost := lost_serial(home, each)) is not None}
    named = [row for ref in refs for row in _meant(home, ref, wishes.reason)]
    planned = [with_serial(home, each) for each in serials if each not in unknown]
    found = _distinct([*named, *planned])
    already = [row for row in found if _is_repeated(row, wishes.reason)]
    rows = [row for row in found if row not in already]
    chosen = len(rows)
    if wishes.reason == KEY_COMPROMISE:
        rows += [] if not wishes.all_with_key else _live_with_key(home, rows)
    changed: list[CertificateRow] = []
    with home.store.write():
        accept_clock(home, wishes.allow)
        for position, row in enumerate(rows):
            _refuse_root(home, row)
            standing = _standing(home, row)
            try:
                check_revocation(_name(row), standing, wishes.reason)
            except CAError:
                if position < chosen:
                    raise
                continue  # selected by its key alone, and already revoked for the same reason
            record_status(home, row, change_of(wishes.reason), wishes.reason, wishes.invalid_since)
            changed.append(row)
        for lost in unknown.values():
            check_revocation(lost.hex(), _standing_of(home, lost), wishes.reason)
            _record_lost(home, lost, wishes)
    home.step("status-recorded")
    left = _live_with_key(home, rows) if wishes.reason == KEY_COMPROMISE else []
    document = _document(
        home,
        changed,
        left,
        lost=list(unknown.values()),
        already=already,
        make_crls=wishes.make_crls,
    )
    revoked = {row.plan_id for row in (*rows, *left)}
    older = _distinct([row for ref in refs for row in superseded_beside(home, ref)])
    records = [certificate_record(row, home.now()) for row in older if row.plan_id not in revoked]
    return msgspec.structs.replace(document, older=records)


def _is_repeated(row: CertificateRow, reason: Reason) -> bool:
    """Whether this was done already; a repetition only makes the CRL that was left pending."""
    return reason == "superseded" and is_revoked_as_superseded(row)


def _meant(home: Home, ref: str, reason: Reason) -> list[CertificateRow]:
    """What a REF means: for the reason "superseded" the superseded ones, else the current one."""
    return find_superseded(home, ref) if reason == "superseded" else [find_all(home, ref)]


def release(
    home: Home, ref: str, *, make_crls: bool = True, allow: Collection[str] = ()
) -> RevocationDocument:
    """End a hold; the certificate is good again and absent from the next CRL.

    Raises:
        NotFoundError: the REF is not known.
        ConflictError: it could mean several, or is not held.
        PolicyError: the clock is behind.
    """
    home.assert_sound()
    check_clock(home, allow)
    row = find_all(home, ref, status="held")
    with home.store.write():
        accept_clock(home, allow)
        check_release(_name(row), _standing(home, row))
        record_status(home, row, "released", "hold")
    home.step("status-recorded")
    return _document(home, [row], [], make_crls=make_crls)


def lost_serial(home: Home, digits: str) -> bytes | None:
    """A whole serial of which a restored home knows nothing; None for any other.

    The current issuing CA's: it may have been signed after the backup was made.
    """
    folded = digits.strip().casefold().replace(":", "")
    if settings.read(home.store, RESTORED) is None or not _WHOLE_SERIAL.fullmatch(folded):
        return None
    if certificates.by_serial_prefix(home.store, folded):
        return None
    return bytes.fromhex(folded)


def _standing_of(home: Home, serial: bytes) -> Standing | None:
    status = revocations.current_status(home.store, home.ca("issuing").issuer.id, serial)
    return None if status is None else Standing(status.status, status.reason, to_text(status.since))


def _record_lost(home: Home, serial: bytes, wishes: RevocationWishes) -> None:
    """Record a revocation of a serial of which nothing else is known."""
    status, issuer = change_of(wishes.reason), home.ca("issuing").issuer
    event = StatusEvent(issuer.id, serial, status, wishes.reason, wishes.invalid_since)
    number = revocations.add_event(home.store, event, at=home.now())
    detail = {"serial": serial.hex(), "reason": wishes.reason, "certificate": "not known"}
    home.record(Event(status, serial.hex(), detail, "status_event", number))


def _refuse_root(home: Home, row: CertificateRow) -> None:
    roots = [ca.issuer.id for ca in home.cas() if ca.role == "root"]
    if row.for_issuer_id in roots and row.issuer_id == row.for_issuer_id:  # no cross certificate
        raise PolicyError(
            "a root cannot be revoked: no peer would believe a CRL that it signs",
            hint="remove it from every device's Trusted Root store, and create a new CA",
            rule="root-irrevocable",
        )


def _standing(home: Home, row: CertificateRow) -> Standing | None:
    status = revocations.current_status(home.store, row.issuer_id, row.serial)
    return None if status is None else Standing(status.status, status.reason, to_text(status.since))


def _live_with_key(home: Home, rows: Sequence[CertificateRow]) -> list[CertificateRow]:
    """Further certificates of the same keys that peers would still accept."""
    now, known = home.now(), {row.plan_id for row in rows}
    live: dict[int, CertificateRow] = {}
    for row in rows:
        for other in certificates.with_same_key(home.store, row.plan_id):
            if other.plan_id not in known and other.status(now) not in ("revoked", "expired"):
                live[other.plan_id] = other
    return list(live.values())


def _distinct(rows: list[CertificateRow]) -> list[CertificateRow]:
    return list({row.plan_id: row for row in rows}.values())


def _name(row: CertificateRow) -> str:
    named = row.signature is not None or row.is_relic
    return f"{row.serial_text} ({label(row)})" if named else row.serial_text


def update_crls(home: Home, issuer_ids: Collection[int]) -> str | None:
    """Make new CRLs of these CAs; returns why that could not be done, if so."""
    try:
        for ca in home.cas():
            if ca.issuer.id in issuer_ids:
                make_crl(home, ca)
    except (KeyUnavailableError, PolicyError) as error:  # it is recorded all the same
        return error.message
    return None


def _document(
    home: Home,
    changed: list[CertificateRow],
    left: list[CertificateRow],
    *,
    lost: Sequence[bytes] = (),
    already: Sequence[CertificateRow] = (),
    make_crls: bool,
) -> RevocationDocument:
    touched = {row.issuer_id for row in changed}
    touched |= {home.ca("issuing").issuer.id} if lost else set()
    again = {row.issuer_id for row in already}
    touched |= {ca.issuer.id for ca in home.cas() if ca.issuer.id in again and _waits(home, ca)}
    cas = [ca for ca in home.cas() if ca.issuer.id in touched]
    pending: str | None = "it was not asked for (--no-crl)"
    if make_crls:
        pending = update_crls(home, touched)
    return RevocationDocument(
        changed=[_change(home, row) for row in changed] + [_lost(home, each) for each in lost],
        same_key=[certificate_record(row, home.now()) for row in left],
        crls=[crl_record(home, ca) for ca in cas],
        pending=pending if touched else None,
        already=[certificate_record(row, home.now()) for row in already],
    )


def _waits(home: Home, ca: CA) -> bool:
    """Whether a recorded revocation waits for a CRL."""
    return crl_record(home, ca).pending


def _change(home: Home, row: CertificateRow) -> StatusChange:
    now = revocations.current_status(home.store, row.issuer_id, row.serial)
    facts = read_certificate(row.outline)
    issuer: CA = next(ca for ca in home.cas() if ca.issuer.id == row.issuer_id)
    return StatusChange(
        serial=row.serial_text,
        subject=subject_text(facts.subject),
        device=row.device,
        issuer=issuer.issuer.name,
        status=now.status if now else "released",
        reason=now.reason if now else "hold",
        since=now.since if now else home.now(),
    )


def _lost(home: Home, serial: bytes) -> StatusChange:
    issuer = home.ca("issuing").issuer
    now = revocations.current_status(home.store, issuer.id, serial)
    assert now is not None
    return StatusChange(
        serial=serial.hex(),
        subject="not known here",
        device=None,
        issuer=issuer.name,
        status=now.status,
        reason=now.reason,
        since=now.since,
    )
