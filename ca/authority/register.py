"""Write plans and results into the register, each with its event."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import msgspec

from ca.authority.clock import accept_clock
from ca.authority.home import Home
from ca.authority.succession import Predecessors, Use
from ca.encoding.account import pack_account
from ca.encoding.certificates import read_certificate
from ca.errors import StoreError
from ca.issuance.issue import issue
from ca.issuance.order import Prepared
from ca.keys.public import PublicKey, read_public_key
from ca.keys.signer import KeyRef, Signer
from ca.model.certificates import subject_text
from ca.profiles.profile import Profile
from ca.store import certificates, derived, issuers, plans, revocations, successions
from ca.store.audit import Event
from ca.store.certificates import CertificateRow
from ca.store.derived import IndexEntry
from ca.store.revocations import StatusEvent


class Draft(msgspec.Struct, frozen=True):
    """A prepared certificate that is about to be planned."""

    prepared: Prepared
    profile: Profile
    issuer_id: int
    lifetime: str
    source: str
    request_der: bytes = b""
    for_issuer_id: int | None = None
    device: str | None = None
    context: int | None = None
    supersedes: int | None = None
    beside: bool = False
    revoke_old: bool = False
    overrides: tuple[str, ...] = ()
    action: str = "issued"
    """What the event of its result is called: imported certificates were not issued here."""
    account: bytes = b""
    """The prepared account, packed; empty if that is still to be done."""


def keep_key(home: Home, ref: KeyRef) -> int:
    """Store a key as its KeyRef has it, inside a write transaction; returns its number."""
    return issuers.add_key(
        home.store,
        label=ref.label,
        public=ref.public,
        pkcs8=ref.pkcs8,
        encrypted=ref.encrypted,
        at=home.now(),
    )


def write_plans(home: Home, drafts: Sequence[Draft]) -> Sequence[int]:
    """Record plans with their one event, inside a write transaction.

    Returns:
        Their numbers.
    """
    if not drafts:
        return ()
    now = home.now()
    requests = [
        plans.NewRequest(draft.request_der, draft.prepared.key_identity)
        for draft in drafts
        if draft.request_der
    ]
    requested = plans.keep_requests(home.store, requests, at=now)
    kept: dict[str, bytes] = {}
    for draft in drafts:
        profile = draft.profile
        if profile.text not in kept:
            kept[profile.text] = plans.keep_profile(home.store, profile.name, profile.text)
    numbers = plans.add_plans(
        home.store,
        [
            plans.NewPlan(
                issuer_id=draft.issuer_id,
                serial=draft.prepared.serial,
                profile_sha256=kept[draft.profile.text],
                tbs=draft.prepared.tbs,
                account=draft.account or pack_account(draft.prepared.account),
                lifetime=draft.lifetime,
                source=draft.source,
                request_id=requested.get(draft.request_der),
                for_issuer_id=draft.for_issuer_id,
                device=draft.device,
                context=draft.context,
            )
            for draft in drafts
        ],
        at=now,
    )
    first = drafts[0].prepared.serial.hex()
    detail = {"plans": str(len(numbers)), "serial": first}
    home.record(Event("planned", first, detail, "plan", numbers[0], len(numbers)))
    accept_clock(home, {code for draft in drafts for code in draft.overrides})
    return numbers


def write_results(
    home: Home, numbers: Sequence[int], drafts: Sequence[Draft], signatures: Sequence[bytes]
) -> list[list[CertificateRow]]:
    """Record each plan's one result, index it, append its events; inside a write transaction.

    Returns:
        For each plan the certificates that are superseded by its certificate, newest first.

    Raises:
        StoreError: another process took a plan for a crash's leftover and abandoned it.
    """
    now = home.now()
    if plans.any_abandoned(home.store, numbers):
        raise StoreError(
            "this signing took so long that its plan was abandoned; nothing was handed out",
            hint="run the command again",
        )
    plans.add_results(home.store, numbers, signatures, at=now)
    pairs = list(zip(numbers, drafts, strict=True))
    derived.add_to_index(
        home.store, ((number, index_of_prepared(draft.prepared)) for number, draft in pairs)
    )
    events: list[Event] = []
    superseded: list[list[CertificateRow]] = []
    predecessors = Predecessors(home.store, [use_of_draft(draft) for draft in drafts], numbers)
    for number, draft in pairs:
        events.append(_issued(number, draft))
        rows = _superseded(home, predecessors, range(number, numbers[-1] + 1), draft)
        for row in rows:
            successions.supersede(home.store, row.plan_id, number, at=now)
            detail = {"by": draft.prepared.serial.hex()}
            events.append(Event("superseded", row.serial.hex(), detail, "supersession", number))
            if draft.revoke_old and row.revocation != "revoked":  # its reason stays
                record_status(home, row, "revoked", "superseded")
        superseded.append(rows)
    home.record(*events)
    return superseded


def record_status(
    home: Home,
    row: CertificateRow,
    status: str,
    reason: str,
    invalid_since: datetime | None = None,
) -> None:
    """Record that a certificate was revoked, held or released, inside a write transaction."""
    event = StatusEvent(row.issuer_id, row.serial, status, reason, invalid_since)
    number = revocations.add_event(home.store, event, at=home.now())
    detail = {"serial": row.serial.hex(), "reason": reason}
    if row.device is not None:
        detail["device"] = row.device
    home.record(Event(status, row.serial.hex(), detail, "status_event", number))


def use_of_draft(draft: Draft) -> Use:
    """What a certificate will be used for."""
    prepared = draft.prepared
    return Use(
        draft.device,
        draft.context,
        draft.profile.name,
        draft.profile.text_hash,
        prepared.key_identity,
        prepared.subject,
        prepared.san,
        not draft.request_der,
    )


def _superseded(
    home: Home, predecessors: Predecessors, without: Collection[int], draft: Draft
) -> list[CertificateRow]:
    """The certificates that a new one supersedes: the one named, then those of the same use."""
    named = [] if draft.supersedes is None else [certificates.by_plan(home.store, draft.supersedes)]
    if draft.beside or draft.profile.role != "end-entity":
        return named
    rows = predecessors.of(use_of_draft(draft), without=without)
    return named + [row for row in rows if row.plan_id != draft.supersedes]


def _issued(number: int, draft: Draft) -> Event:
    serial = draft.prepared.serial.hex()
    detail = {
        "serial": serial,
        "subject": subject_text(draft.prepared.subject),
        "profile": draft.profile.name,
    }
    if draft.device is not None:
        detail["device"] = draft.device
    if draft.overrides:
        detail["allowed"] = ", ".join(draft.overrides)
    return Event(draft.action, serial, detail, "result", number)


class Certified(msgspec.Struct, frozen=True):
    """A certificate that is in the register, its plan's number, and what it supersedes."""

    number: int
    der: bytes
    superseded: list[CertificateRow]


class Hooks(msgspec.Struct, frozen=True):
    """What a caller adds to the certification of one certificate.

    ``with_plan`` and ``with_result`` run inside the transactions that record these, and get the
    plan's number; ``before_result`` runs between signature and result. ``step`` is the prefix of
    the names of the points at which fault tests kill the process.
    """

    with_plan: Callable[[int], None] = lambda _: None
    before_result: Callable[[], None] = lambda: None
    with_result: Callable[[int], None] = lambda _: None
    step: str = ""


def certify(
    home: Home,
    draft: Draft,
    *,
    signer: Signer,
    issuer_key: PublicKey,
    hooks: Hooks = Hooks(),  # noqa: B008 - frozen
) -> Certified:
    """Plan, sign and record one certificate; every certificate outside a batch is made here.

    Raises:
        CAError: the register cannot be written or the key cannot be used. At most the plan was
            recorded, and a later call abandons it.
    """
    with home.store.write():
        (number,) = write_plans(home, [draft])
        hooks.with_plan(number)
    home.step(f"{hooks.step}planned")
    issued = issue(draft.prepared.tbs, signer, issuer_key)
    home.step(f"{hooks.step}signed")
    hooks.before_result()
    with home.store.write():
        (superseded,) = write_results(home, [number], [draft], [issued.signature])
        hooks.with_result(number)
    home.step(f"{hooks.step}recorded")
    return Certified(number, issued.der, superseded)


def index_of_prepared(prepared: Prepared) -> IndexEntry:
    """The index entry of a certificate that was just signed, from its prepared form."""
    names = [(str(each.kind), each.value.casefold()) for each in prepared.san]
    cn = prepared.cn
    if cn:
        names.append(("cn", cn.casefold()))
    return IndexEntry(
        not_before=int(prepared.validity.not_before.timestamp()),
        not_after=int(prepared.validity.not_after.timestamp()),
        key_identity=prepared.key_identity,
        names=tuple(dict.fromkeys(names)),
    )


def index_of(der: bytes) -> IndexEntry:
    """The index entry of a certificate; names are case-folded and listed once for each kind."""
    facts = read_certificate(der)
    names = [(each.kind, each.value.casefold()) for each in facts.san]
    if facts.cn:
        names.append(("cn", facts.cn.casefold()))  # type: ignore[arg-type]
    return IndexEntry(
        not_before=int(facts.validity.not_before.timestamp()),
        not_after=int(facts.validity.not_after.timestamp()),
        key_identity=read_public_key(facts.spki).identity,
        names=tuple(dict.fromkeys(names)),
    )
