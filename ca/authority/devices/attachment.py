"""Which device a certificate is on that was signed without one."""

from __future__ import annotations

from ca.authority.home import Home
from ca.authority.refs import find_all, relic_refusal
from ca.errors import ConflictError, PolicyError
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
    status = row.status(home.now())
    if row.device is None and status not in _MAY_BE_ON_A_DEVICE:
        raise ConflictError(
            f"{serial} is {status}: no device should have it",
            hint="sipca list shows the current ones; sign a new CSR of the device",
        )
    return row


def attach(home: Home, row: CertificateRow, device: str, context: int | None) -> bool:
    """Record the device of a certificate, inside a write transaction; whether that was new.

    Raises:
        ConflictError: it was attached to another device, or another context, meanwhile.
    """
    now = next(successions.with_plan(home.store, row.plan_id))
    if now.device is not None:
        same = now.device.casefold() == device.casefold()
        if not same or (context is not None and now.context != context):
            place = printable(now.device)
            place += "" if now.context is None else f" context {now.context}"
            raise ConflictError(
                f"{row.serial.hex()[:12]} is on {place} already",
                hint="an attachment stays, as all history does: sign the CSR again for another "
                "context, with --again",
            )
        return False
    number = successions.attach(home.store, row.plan_id, device, context, at=home.now())
    detail = {"device": device, "serial": row.serial.hex()}
    if context is not None:
        detail["context"] = str(context)
    home.record(Event("attached", row.serial.hex(), detail, "attachment", number))
    return True
