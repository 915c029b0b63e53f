"""The crib: what to type on a device's page before its CSR exists."""

from __future__ import annotations

from typing import Literal

import msgspec

from ca.model.certificates import GeneralName
from ca.names.hosts import as_address
from ca.profiles.target import Basis, Target

CN_BOUND = 64
"""X.520, ub-common-name."""
KINDS = {"dns": "DNS", "ip": "IP address", "uri": "URI", "email": "EMAIL"}
_ORDINALS = ("1st", "2nd", "3rd", "4th", "5th")


class Entry(msgspec.Struct, frozen=True):
    """One field of the page: what to type, and its type selector where it has one."""

    field: str
    value: str
    basis: Basis
    selector: str | None = None


class Crib(msgspec.Struct, frozen=True):
    """What to do first, what to type, and what to know; ``page`` is None where there is none."""

    page: str | None
    first: tuple[str, ...]
    fields: tuple[Entry, ...]
    leave: tuple[str, ...]
    notes: tuple[str, ...]


def crib_of(target: Target, names: tuple[GeneralName, ...], *, device: str, context: int) -> Crib:
    """What to type for a device of these names.

    Args:
        target: its kind.
        names: the names that peers dial, in order.
        device: its name, for the commands that the notes name.
        context: its TLS context.
    """
    if target.request.instead or target.server_files:
        return Crib(None, (_instead(target, names, device),), (), (), ())
    form, slots = target.form, target.san.slots
    cn, notes = _cn(names, device)
    wanted = [each for each in names if each.kind in target.san.kinds]
    fields = [Entry(form.cn, cn, form.basis)]
    fields += [
        Entry(_slot(place, form.san), each.value, form.basis, KINDS[each.kind])
        for place, each in enumerate(wanted[:slots])
    ]
    fields.append(Entry(form.signature, "SHA-256", form.basis))
    left_out = [each for each in names if each not in wanted[:slots]]
    if left_out:
        given = " ".join(f"--san {each}" for each in left_out)
        notes.append(f"{_why_left_out(target, len(names))}: give the rest to sipca sign: {given}")
    if slots and wanted and form.selector:
        notes.append(
            f"each SAN's type selector starts at {form.selector}: set it before you type "
            f"({form.basis})"
        )
    return Crib(target.pages.csr, _first(target, context), tuple(fields), form.leave, tuple(notes))


def _first(target: Target, context: int) -> tuple[str, ...]:
    size = max(2048, target.key.smallest_rsa)
    where = target.key.page or "the device's page for keys"
    return (
        f"open the row of TLS context {context}",
        f"{where}: generate an RSA key of {size} bits, before the CSR: a key generated later "
        f"makes the certificate useless ({target.key.basis})",
    )


def _cn(names: tuple[GeneralName, ...], device: str) -> tuple[str, list[str]]:
    """The first name that fits into a CN: host names, then addresses."""
    fitting: list[str] = [
        each.value
        for kind in ("dns", "ip")
        for each in names
        if each.kind == kind and len(each.value) <= CN_BOUND
    ]
    if fitting:
        return fitting[0], []
    return "(the host name that peers dial)", [
        f"no name of {device} fits into a CN: sipca device set {device} --address HOST"
    ]


def _why_left_out(target: Target, count: int) -> str:
    slots = target.san.slots
    if not slots:
        return "the page has no SAN fields"
    return f"{count} names, but the page has {slots} SAN fields"


def _slot(place: int, label: str) -> str:
    ordinal = _ORDINALS[place] if place < len(_ORDINALS) else f"{place + 1}th"
    return f"{ordinal} {label}"


def _instead(target: Target, names: tuple[GeneralName, ...], device: str) -> str:
    if target.request.instead:
        return target.request.instead
    named = " ".join(each.value for each in names) or "NAME"
    return (
        f"a server has no CSR page: sipca issue {named} --device {device} "
        f"--target {target.name} --out DIR makes key and certificate"
    )


def name_of(address: str) -> GeneralName:
    """An address of a device as a name."""
    kind: Literal["ip", "dns"] = "dns" if as_address(address) is None else "ip"
    return GeneralName(kind, address)
