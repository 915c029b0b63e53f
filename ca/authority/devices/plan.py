"""``ca plan`` and ``device done``: what each device needs after a rotation, in which order.

First every device gets the trust file with the new CA, then each its new certificate: so no device
presents a certificate that another cannot verify yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from ca.authority.home import CA, Home
from ca.authority.lineage import trusted
from ca.documents.ca import PlanDocument, PlanEntry
from ca.documents.device import DeviceDoneDocument
from ca.encoding.certificates import common_name
from ca.errors import ConflictError, NotFoundError
from ca.model.status import CURRENT
from ca.names.text import printable
from ca.store import certificates, devices, issuers
from ca.store.audit import Event
from ca.store.certificates import CertificateRow
from ca.store.progress import DONE, EXPORTED, StepDone, steps_done

Step = Literal["trust", "certificate"]
STEPS: tuple[Step, ...] = ("trust", "certificate")
_SHOWN = 5
_ORDER = {"trust": 0, "certificate": 1, "nothing": 2}
_LIVE = (*CURRENT, "superseded", "held")


class _Owner(msgspec.Struct):
    """A device and context, with its live certificates, oldest first; none if it only verifies."""

    name: str
    context: int | None
    rows: list[CertificateRow]
    current: CertificateRow | None = None
    trust: StepDone | None = None
    certificate: StepDone | None = None
    export: StepDone | None = None


def plan(home: Home) -> PlanDocument:
    """What each device needs next, and why: those that need a trust file first."""
    cas = trusted(home)
    entries = _entries(home, _owners(home))
    return PlanDocument(
        ca=home.name,
        home=str(home.path),
        trust=[ca.issuer.ca_id for ca in cas],
        devices=sorted(entries, key=lambda each: _ORDER[each.next]),
    )


def record_step(
    home: Home, name: str, step: Step, *, context: int | None = None
) -> DeviceDoneDocument:
    """Record that a device has the trust files of now, or its current certificate.

    Raises:
        NotFoundError: no such device is registered or has a live certificate.
        ConflictError: its certificate is not by the current CA yet.
    """
    home.assert_sound()
    owners = [
        owner
        for owner in _owners(home)
        if owner.name.casefold() == name.casefold() and context in (None, owner.context)
    ]
    if not owners:
        where = "" if context is None else f" in context {context}"
        raise NotFoundError(
            f"no device '{printable(name)}' is registered or has a live certificate{where}",
            hint="sipca ca plan lists the devices",
            rule="device-unknown",
        )
    issuing, cas = home.ca("issuing"), trusted(home)
    for owner in owners:
        if step == "certificate" and not _is_by(owner.current, issuing):
            raise ConflictError(
                f"'{owner.name}' has no certificate by {issuing.issuer.name} yet",
                hint="sipca renew NAME --out DIR makes one",
            )
    changed = False
    with home.store.write():
        for owner in owners:
            serials = _on_it(owner, step, cas)
            before = owner.trust if step == "trust" else owner.certificate
            if before is not None and before.serials == serials:
                continue
            detail = {"device": owner.name, "step": step, "serials": " ".join(sorted(serials))}
            if owner.context is not None:
                detail["context"] = str(owner.context)
            home.record(Event(DONE, owner.name, detail))
            changed = True
    everyone = _entries(home, _owners(home))
    mine = [each for each in everyone if each.device.casefold() == name.casefold()]
    return DeviceDoneDocument(device=owners[0].name, step=step, changed=changed, devices=mine)


def _on_it(owner: _Owner, step: Step, cas: Iterable[CA]) -> frozenset[str]:
    if step == "trust":
        return frozenset(ca.facts.serial for ca in cas)
    assert owner.current is not None
    return frozenset((owner.current.serial.hex(),))


def _owners(home: Home) -> list[_Owner]:
    """The devices with live certificates (their CNs, where none is named), and the registered.

    By name.
    """
    now = home.now()
    owners: dict[tuple[str, int | None], _Owner] = {}
    for row in certificates.certificates(home.store, since=int(now.timestamp()), until=1 << 62):
        status = row.status(now)
        if status not in _LIVE:
            continue
        name = row.device or common_name(row.tbs) or row.serial.hex()
        key = (name.casefold(), row.context)
        owner = owners.setdefault(key, _Owner(name, row.context, []))
        owner.rows.append(row)
        if status in CURRENT:
            owner.current = row
    named = {name for name, _ in owners}
    for device in devices.devices(home.store):
        if device.name.casefold() not in named:
            owners[device.name.casefold(), None] = _Owner(device.name, None, [])
    for done in steps_done(home.store):
        holder = owners.get((done.device.casefold(), done.context))
        if holder is not None and done.step == "trust":
            holder.trust = done
        elif holder is not None and done.step == "export":
            holder.export = done
        elif holder is not None:
            holder.certificate = done
    return [owners[key] for key in sorted(owners, key=lambda key: (key[0], key[1] or -1))]


def _entries(home: Home, owners: list[_Owner]) -> list[PlanEntry]:
    ages = {row.serial.hex(): row.plan_id for row in issuers.ca_certificates(home.store)}
    path = [(ca, ages[ca.facts.serial]) for ca in home.path_of(home.ca("issuing"))]
    first = {ca.role: ca.issuer.id for ca in reversed(home.cas())}
    later = [ca for ca, _ in path if ca.issuer.id != first[ca.role]]
    missing = [_missing(owner, path, later) for owner in owners]
    waiting = [_label(owner) for owner, lacks in zip(owners, missing, strict=True) if lacks]
    return [
        _entry(home, owner, lacks, waiting) for owner, lacks in zip(owners, missing, strict=True)
    ]


def _missing(owner: _Owner, path: list[tuple[CA, int]], later: list[CA]) -> list[CA]:
    """The current CAs that a device's trust store lacks; each with the number of its plan.

    Where nothing was recorded, a device has those that its oldest live certificate came with, and
    one without certificates the first of each role.
    """
    if owner.trust is not None:
        return [ca for ca, _ in path if ca.facts.serial not in owner.trust.serials]
    if not owner.rows:
        return later
    return [ca for ca, age in path if age > owner.rows[0].plan_id]


def _entry(home: Home, owner: _Owner, missing: list[CA], waiting: list[str]) -> PlanEntry:
    issuing = home.ca("issuing")
    step, why, after = "nothing", "", []
    newest = owner.current or (owner.rows[-1] if owner.rows else None)
    written = _written_at(owner, missing)
    if missing:
        step = "trust"
        why = f"its trust store lacks {' and '.join(ca.issuer.name for ca in missing)}"
        if written is not None:
            why += f"; exported on {written:%Y-%m-%d}, not yet recorded as on the device"
    elif newest is None:
        pass
    elif not _is_by(newest, issuing):
        step, after = "certificate", waiting
        why = f"its certificate is by {home.ca_of(newest.issuer_id).issuer.name}"
        if waiting:
            why += f"; first the trust files of {_listed(waiting)}"
    elif _has_earlier(owner, issuing) and not _is_on_it(owner):
        step, after = "certificate", waiting
        why = f"signed as {newest.serial.hex()}, not yet recorded as on the device"
    return PlanEntry(
        device=owner.name,
        context=owner.context,
        next=step,
        why=why,
        after=after,
        serial=newest.serial.hex() if newest else None,
        issuer=home.ca_of(newest.issuer_id).issuer.ca_id if newest else None,
        exported=written,
        trust_done=owner.trust.at if owner.trust else None,
        certificate_done=owner.certificate.at if owner.certificate and _is_on_it(owner) else None,
        not_after=newest.validity.not_after if newest else None,
    )


def _written_at(owner: _Owner, missing: list[CA]) -> datetime | None:
    """When the files were last written that the device needs; None if they are older than that."""
    if owner.export is None:
        return None
    wanted = {ca.facts.serial for ca in missing}
    return owner.export.at if wanted <= owner.export.serials else None


def record_export(home: Home, row: CertificateRow) -> None:
    """Record, while a rotation is under way, that a device's files were written.

    Nothing is recorded in a home that this user may only read.
    """
    cas = trusted(home)
    if home.store.mode != "rw" or all(ca.is_current for ca in cas):
        return
    name = row.device or common_name(row.tbs) or row.serial.hex()
    serials = sorted({ca.facts.serial for ca in cas} | {row.serial.hex()})
    detail = {"device": name, "step": "export", "serials": " ".join(serials)}
    if row.context is not None:
        detail["context"] = str(row.context)
    with home.store.write():
        home.record(Event(EXPORTED, name, detail))


def _is_by(row: CertificateRow | None, ca: CA) -> bool:
    return row is not None and row.issuer_id == ca.issuer.id


def _has_earlier(owner: _Owner, issuing: CA) -> bool:
    """Whether the device may still present a certificate of an earlier CA."""
    return any(row.issuer_id != issuing.issuer.id for row in owner.rows)


def _is_on_it(owner: _Owner) -> bool:
    done, current = owner.certificate, owner.current
    return done is not None and current is not None and current.serial.hex() in done.serials


def _label(owner: _Owner) -> str:
    return owner.name if owner.context is None else f"{owner.name} context {owner.context}"


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
