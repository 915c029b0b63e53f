"""Which device a certificate is on that was signed without one."""

from __future__ import annotations

import msgspec

from ca.authority.home import Home
from ca.authority.refs import find_all, relic_refusal
from ca.errors import ConflictError, PolicyError
from ca.lint.devices import Sharing, two_current
from ca.model.findings import Finding, run
from ca.model.status import CURRENT
from ca.names.text import printable
from ca.store import successions
from ca.store.audit import Event
from ca.store.certificates import CertificateRow

_MAY_BE_ON_A_DEVICE = (*CURRENT, "superseded", "held")


def attachable(home: Home, ref: str, device: str) -> CertificateRow:
    """The certificate that a REF means, if it may be attached to a device or is already.

    Raises:
        NotFoundError: nothing matches.
        ConflictError: several match, it is another device's, or it is revoked or has expired.
        PolicyError: it is a CA's, or a relic.
    """
    row = find_all(home, ref)
    serial = row.serial.hex()[:12]
    if row.is_relic:
        raise relic_refusal(row)
    if row.for_issuer_id is not None:
        raise PolicyError(
            f"{serial} is a CA's certificate",
            hint="name a device's certificate",
            rule="ca-certificate",
        )
    if row.device is not None and row.device.casefold() != device.casefold():
        raise ConflictError(
            f"{serial} was signed for '{printable(row.device)}', not for '{printable(device)}'",
            hint=f"sipca device show {printable(row.device)} has what is on it",
        )
    if row.device is None:
        _check_in_force(home, row)
    return row


def _check_in_force(home: Home, row: CertificateRow) -> None:
    status = row.status(home.now())
    if status not in _MAY_BE_ON_A_DEVICE:
        raise ConflictError(
            f"{row.serial.hex()[:12]} is {status}: no device should have it",
            hint="sipca list shows the current ones; sign a new CSR of the device",
        )


class Place(msgspec.Struct, frozen=True):
    """A device, the context that was named for a certificate, and the device's own."""

    device: str
    named: int | None
    usual: int | None

    @property
    def context(self) -> int | None:
        """The context that a certificate is attached to."""
        return self.usual if self.named is None else self.named


def attach(home: Home, row: CertificateRow, place: Place) -> bool:
    """Record the device of a certificate, inside a write transaction; whether that was new.

    Raises:
        ConflictError: it was attached to another device or another context, or revoked, meanwhile.
    """
    now = next(successions.with_plan(home.store, row.plan_id))
    if now.device is not None:
        _check_same(now, place)
        return False
    _check_in_force(home, now)
    context = place.context
    number = successions.attach(home.store, row.plan_id, place.device, context, at=home.now())
    detail = {"device": place.device, "serial": row.serial.hex()}
    if context is not None:
        detail["context"] = str(context)
    home.record(Event("attached", row.serial.hex(), detail, "attachment", number))
    return True


def _check_same(now: CertificateRow, place: Place) -> None:
    assert now.device is not None
    same = now.device.casefold() == place.device.casefold()
    if same and place.named in (None, now.context):
        return
    where = printable(now.device)
    where += "" if now.context is None else f" context {now.context}"
    raise ConflictError(
        f"{now.serial.hex()[:12]} is on {where} already",
        hint="an attachment stays, as all history does: sign the CSR again for another device or "
        "context, with --again",
    )


def judge_place(home: Home, plan_id: int) -> list[Finding]:
    """Whether the place of a certificate that is current has another current one."""
    row = next(successions.with_plan(home.store, plan_id))
    now = home.now()
    if row.device is None or row.status(now) not in CURRENT:
        return []
    others = [
        each
        for each in successions.in_use_of_device(home.store, row.device)
        if each.status(now) in CURRENT and _is_in_place_of(each, row)
    ]
    rows = [row, *(each for each in reversed(others) if each.plan_id != row.plan_id)]
    serials = tuple(each.serial.hex()[:12] for each in rows)
    return run([two_current], Sharing(row.device, row.context, serials))


def _is_in_place_of(one: CertificateRow, other: CertificateRow) -> bool:
    """Whether two certificates of a device would supersede each other."""
    return one.context == other.context and (
        one.context is not None or one.profile == other.profile
    )
