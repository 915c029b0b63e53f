"""``device crib``: what to type on a device's page before its CSR exists."""

from __future__ import annotations

from ca.authority.devices.device import find_device
from ca.authority.home import Home
from ca.device.crib import crib_of, name_of
from ca.documents.device import CribDocument, CribField
from ca.encoding.certificates import read_certificate
from ca.model.certificates import GeneralName
from ca.store import certificates
from ca.store.devices import DeviceRow


def crib(
    home: Home, name: str, *, target: str | None = None, context: int | None = None
) -> CribDocument:
    """What to type, for the names known of a device: its addresses, then its newest certificate's.

    Raises:
        NotFoundError: there is no such device or target.
    """
    row = find_device(home, name)
    kind = home.library.target(target or row.target or home.target)
    at = context if context is not None else row.context
    names = _names(home, row, at)
    answer = crib_of(kind, names, device=row.name, context=at or 0)
    return CribDocument(
        device=row.name,
        target=kind.name,
        context=at or 0,
        names=[str(each) for each in names],
        page=answer.page,
        first=list(answer.first),
        fields=[
            CribField(field=each.field, value=each.value, selector=each.selector, basis=each.basis)
            for each in answer.fields
        ],
        leave=list(answer.leave),
        notes=list(answer.notes),
    )


def _names(home: Home, row: DeviceRow, context: int | None) -> tuple[GeneralName, ...]:
    names = [name_of(each) for each in row.addresses]
    signed = [
        each
        for each in certificates.certificates(home.store, device=row.name)
        if each.signature is not None and (context is None or each.context in (None, context))
    ]
    if signed:
        newest = max(signed, key=lambda each: read_certificate(each.der).validity.not_before)
        names += read_certificate(newest.der).san
    return tuple(dict.fromkeys(names))
