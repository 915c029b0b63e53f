"""Plans and results on their way into the register, each with its event."""

from __future__ import annotations

import zlib

import msgspec

from ca.authority.home import Home
from ca.authority.indexing import index_of_prepared
from ca.errors import StoreError
from ca.issuance.issue import Issued
from ca.issuance.order import Prepared
from ca.keys.signer import KeyRef
from ca.model.account import FieldAccount
from ca.model.certificates import subject_text
from ca.profiles.profile import Profile
from ca.store import derived, plans, state
from ca.store.audit import Event


class Draft(msgspec.Struct, frozen=True):
    """A prepared certificate on its way to be planned."""

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
    overrides: tuple[str, ...] = ()


def keep_key(home: Home, ref: KeyRef) -> int:
    """Keep a key as its KeyRef has it; inside a write transaction. Its number."""
    return state.add_key(
        home.store,
        label=ref.label,
        public=ref.public,
        pkcs8=ref.pkcs8,
        encrypted=ref.encrypted,
        at=home.now(),
    )


def write_plans(home: Home, drafts: list[Draft]) -> list[int]:
    """Write plans down; inside a write transaction. Their numbers."""
    now = home.now()
    numbers = []
    for draft in drafts:
        request_id = None
        prepared = draft.prepared
        if draft.request_der:
            request_id = plans.keep_request(
                home.store, draft.request_der, prepared.key.identity, at=now
            )
        plan = plans.NewPlan(
            issuer_id=draft.issuer_id,
            serial=prepared.serial.to_bytes(16, "big"),
            profile_sha256=plans.keep_profile(home.store, draft.profile.name, draft.profile.text),
            tbs=prepared.tbs,
            account=pack_account(prepared.account),
            lifetime=draft.lifetime,
            source=draft.source,
            request_id=request_id,
            for_issuer_id=draft.for_issuer_id,
            device=draft.device,
            context=draft.context,
        )
        numbers.append(plans.add_plan(home.store, plan, at=now))
    return numbers


def write_result(home: Home, plan_id: int, draft: Draft, issued: Issued) -> None:
    """Record a plan's one result, index it, append its events; inside a write transaction.

    Raises:
        StoreError: somebody took the plan for one left by a crash and abandoned it.
    """
    now = home.now()
    if plans.is_abandoned(home.store, plan_id):
        raise StoreError(
            "this signing took so long that its plan was abandoned; nothing was handed out",
            hint="run the command again",
        )
    plans.add_result(home.store, plan_id, issued.signature, at=now)
    derived.index(home.store, plan_id, index_of_prepared(draft.prepared))
    serial = f"{draft.prepared.serial:x}"
    detail = {
        "serial": serial,
        "subject": subject_text(draft.prepared.subject),
        "profile": draft.profile.name,
    }
    if draft.device is not None:
        detail["device"] = draft.device
    if draft.overrides:
        detail["allowed"] = ", ".join(draft.overrides)
    home.record(Event("issued", serial, detail, "result", plan_id))
    if draft.supersedes is not None:
        plans.supersede(home.store, draft.supersedes, plan_id, at=now)
        home.record(Event("superseded", serial, {"by": serial}, "supersession", plan_id))


def pack_account(account: tuple[FieldAccount, ...]) -> bytes:
    """The account as it is kept: JSON, deflated."""
    return zlib.compress(msgspec.json.encode(account))


def unpack_account(packed: bytes) -> list[FieldAccount]:
    """The account as ``pack_account`` kept it."""
    return msgspec.json.decode(zlib.decompress(packed), type=list[FieldAccount])
