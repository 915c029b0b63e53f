"""``device ...``: registered facts about devices, the defaults of later calls."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from ca.authority import upload_files
from ca.authority.devices.attachment import Place, attach, attachable, judge_place
from ca.authority.devices.new_devices import judge_set, meant_instead
from ca.authority.home import Home
from ca.authority.records import days_left
from ca.authority.upload_files import stem_of_row
from ca.documents.device import (
    CertificateOnIt,
    DeviceDocument,
    DeviceListDocument,
    DeviceRecord,
    ListedDevice,
    OnDevice,
)
from ca.encoding.certificates import read_certificate
from ca.errors import MalformedError, NotFoundError
from ca.keys.public import read_public_key
from ca.model.certificates import subject_text
from ca.names.hosts import as_address, host_problem
from ca.names.text import check_device_name, printable
from ca.store import certificate_names, certificates, devices, plans
from ca.store.audit import Event
from ca.store.certificates import CertificateRow
from ca.store.devices import DeviceRow


class DeviceWishes(msgspec.Struct, frozen=True):
    """What ``device set`` changes; None leaves a value as it is."""

    target: str | None = None
    context: int | None = None
    addresses: tuple[str, ...] | None = None
    proxy_sets: tuple[str, ...] | None = None
    certificate: str | None = None
    """A REF of a certificate that was signed without a device and is on this one."""


def set_device(
    home: Home,
    name: str,
    wishes: DeviceWishes,
    *,
    exactly: bool = False,
    intended: bool = False,
) -> DeviceDocument:
    """Register or change a device; with ``exactly``, values left out are cleared.

    With a certificate the context is that of the certificate, and the device's if it has none yet.
    ``intended``: the name is meant as it is, though it is nearly that of another.

    Raises:
        MalformedError: the name is not valid, or an address is not a host or IP address.
        NotFoundError: there is no such target or certificate.
        ConflictError: the certificate is another device's, or no longer in force.
    """
    check_device_name(name)
    name = devices.spelled(home.store, name) or name
    findings = [] if intended else judge_set(home, name)
    row = None if wishes.certificate is None else attachable(home, wishes.certificate, name)
    if wishes.target is not None:
        home.library.target(wishes.target)
    changes = _changes(wishes, exactly=exactly)
    with home.store.write():
        before = devices.device(home.store, name)
        if row is not None and before is not None and before.context is not None:
            changes.pop("context", None)
        after = msgspec.structs.replace(before or DeviceRow(name), **changes)
        if after != before:
            devices.put(home.store, after, at=home.now())
            detail = {field: str(value) for field, value in changes.items()}
            home.record(Event("device", name, {"device": name, **detail}))
        place = Place(after.name, wishes.context, after.context)
        attached = row is not None and attach(home, row, place)
    if row is not None:
        findings += judge_place(home, row.plan_id)
    document = _document(home, after, changed=after != before or attached)
    return msgspec.structs.replace(document, findings=findings)


def _changes(wishes: DeviceWishes, *, exactly: bool) -> dict[str, Any]:
    """What is known of the device from now on."""
    changes = {
        field: value
        for field, value in msgspec.structs.asdict(wishes).items()
        if field != "certificate" and (exactly or value is not None)
    }
    for field in ("addresses", "proxy_sets"):
        if field in changes:
            changes[field] = tuple(dict.fromkeys(address(each) for each in changes[field]))
    return changes


def remove_device(home: Home, name: str) -> DeviceDocument:
    """Remove a device; its certificates and their history stay.

    Raises:
        NotFoundError: there is no such device.
    """
    row = find_device(home, name)
    with home.store.write():
        devices.remove(home.store, row.name)
        home.record(Event("device-removed", row.name, {"device": row.name}))
    return _document(home, row, changed=True)


def show_device(home: Home, name: str) -> DeviceDocument:
    """A device and its certificates.

    Raises:
        NotFoundError: it is not registered and has no certificate.
    """
    return _document(home, find_device(home, name), changed=False)


def list_devices(home: Home) -> DeviceListDocument:
    """Every device by name, including those that only certificates mention."""
    known = {row.name.casefold(): row for row in devices.devices(home.store)}
    for name in certificate_names.device_names(home.store):
        known.setdefault(name.casefold(), DeviceRow(name))
    on_it: dict[str, list[CertificateOnIt]] = {}
    now = home.now()
    for certificate in certificates.certificates(home.store, in_use=True):
        if certificate.device is not None:
            listed = on_it.setdefault(certificate.device.casefold(), [])
            listed.append(_on_it(certificate, now))
    return DeviceListDocument(
        devices=[_listed(known[name], on_it.get(name, [])) for name in sorted(known)]
    )


def _on_it(row: CertificateRow, now: datetime) -> CertificateOnIt:
    facts = read_certificate(row.der)
    end = facts.validity.not_after
    return CertificateOnIt(
        serial=row.serial_text,
        context=row.context,
        profile=row.profile,
        subject=subject_text(facts.subject),
        status=row.status(now),
        not_after=end,
        days_left=days_left(end, now),
    )


def _listed(row: DeviceRow, on_it: list[CertificateOnIt]) -> ListedDevice:
    ordered = sorted(on_it, key=lambda each: (each.context or -1, each.not_after))
    return ListedDevice(**msgspec.structs.asdict(_record(row)), certificates=ordered)


def find_device(home: Home, name: str) -> DeviceRow:
    """A device by name: registered, or known from its certificates only.

    Raises:
        NotFoundError: there is none.
    """
    row = devices.device(home.store, name)
    if row is None and any(certificates.certificates(home.store, device=name)):
        row = DeviceRow(name)
    if row is None:
        near = meant_instead(home, name)
        hint = f"sipca device set {printable(name)} registers it"
        raise NotFoundError(
            f"there is no device '{printable(name)}'",
            hint=hint if near is None else f"did you mean {printable(near)}? {hint}",
            rule="device-unknown",
        )
    return row


def address(text: str) -> str:
    """A host name or IP address in its normal form.

    Raises:
        MalformedError: it is neither.
    """
    literal = as_address(text)
    if literal is not None:
        return literal
    problem = host_problem(text)
    if problem is not None:
        raise MalformedError(
            f"'{printable(text)}' is neither a host name nor an IP address: {problem}",
            hint="for example sbc1.lab.example or 10.4.0.20, without a port",
        )
    return text.casefold()


def _document(home: Home, row: DeviceRow, *, changed: bool) -> DeviceDocument:
    rows = list(certificates.certificates(home.store, device=row.name))
    records = [_on_device(home, each) for each in reversed(rows) if each.signature is not None]
    return DeviceDocument(device=_record(row), changed=changed, certificates=records)


def _record(row: DeviceRow) -> DeviceRecord:
    return DeviceRecord(
        name=row.name,
        target=row.target,
        context=row.context,
        addresses=list(row.addresses),
        proxy_sets=list(row.proxy_sets),
    )


def _on_device(home: Home, row: CertificateRow) -> OnDevice:
    facts = read_certificate(row.der)
    key = read_public_key(facts.spki)
    stem = stem_of_row(row)
    hashed = plans.request_hash(home.store, row.request_id)
    return OnDevice(
        serial=row.serial.hex(),
        status=row.status(home.now()),
        context=row.context,
        subject=subject_text(facts.subject),
        san=[str(name) for name in facts.san],
        not_after=facts.validity.not_after,
        key=key.label,
        key_identity=key.identity.hex(),
        source=row.source,
        request_sha256=None if hashed is None else hashed.hex(),
        files=[upload_files.device_name(stem, row.context), upload_files.TRUSTED_ROOT],
        days_left=days_left(facts.validity.not_after, home.now()),
    )
