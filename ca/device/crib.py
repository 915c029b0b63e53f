"""The crib: what to type on a device's page before a CSR exists.

A name that is typed while its selector shows another type, an empty CN, a key of 1024 bits: these
are the commonest mistakes, and each costs a new CSR.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from ca.documents.device import CribDocument, CribLine
from ca.model.certificates import GeneralName
from ca.names.hosts import looks_like_host
from ca.profiles.patterns import fill
from ca.profiles.target import Target

_KINDS = {"dns": "DNS", "ip": "IP", "uri": "URI", "email": "EMAIL"}
_ORDINALS = ("1st", "2nd", "3rd", "4th", "5th")
HASH = "SHA-256"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The device that the crib is for, and the names that its certificate should have."""

    device: str
    context: int | None
    target: Target
    names: tuple[GeneralName, ...]


def crib(wanted: Wanted) -> CribDocument:
    """What to type, field by field, in the order of the page."""
    target = wanted.target
    cn = common_name(wanted)
    has_page = is_typed(target)
    return CribDocument(
        device=wanted.device,
        context=wanted.context,
        target=target.name,
        description=target.description,
        page=target.pages.csr,
        basis=target.pages.basis,
        key=_key(target) if has_page else None,
        key_page=target.key.page or None if has_page else None,
        lines=list(_lines(wanted, cn)) if has_page else [],
        leave=list(target.form.leave) if has_page else [],
        notes=list(_notes(wanted, cn)) if has_page else list(_instead(wanted)),
    )


def is_typed(target: Target) -> bool:
    """Whether a person types into a page of this kind of device, so that a CSR comes of it."""
    no_page = target.request.instead or target.pages.csr.startswith("no page")
    return not target.server_files and not no_page


def _key(target: Target) -> str:
    return f"RSA {target.key.smallest_rsa}"


def common_name(wanted: Wanted) -> str | None:
    """The name for the CN: the first host name that fits, else an address."""
    hosts = [each.value for each in wanted.names if each.kind == "dns"]
    fitting = [each for each in hosts if len(each) <= 64]
    addresses = [each.value for each in wanted.names if each.kind == "ip"]
    candidates = [*fitting, *addresses]
    return candidates[0] if candidates else None


def _lines(wanted: Wanted, cn: str | None) -> Iterator[CribLine]:
    target, form = wanted.target, wanted.target.form
    yield _line(form.cn, cn or "NAME", note="the name that peers dial", basis=form.basis)
    for number, name in enumerate(wanted.names[: target.san.slots]):
        note = f"the selector starts at {form.first_selector}" if form.first_selector else None
        field = fill(form.san, {"number": _ordinal(number)})
        selector = form.selectors.get(name.kind, _KINDS[name.kind])
        yield _line(field, name.value, selector=selector, note=note, basis=form.basis)
    yield _line(form.hash_field, HASH, note=None, basis=form.basis)


def _line(
    field: str, value: str, *, note: str | None, basis: str, selector: str | None = None
) -> CribLine:
    return CribLine(field=field, selector=selector, value=value, note=note, basis=basis)


def _ordinal(number: int) -> str:
    return _ORDINALS[number] if number < len(_ORDINALS) else f"{number + 1}th"


def _notes(wanted: Wanted, cn: str | None) -> Iterator[str]:
    target = wanted.target
    if not wanted.names:
        yield (
            f"no name of '{wanted.device}' is known: sipca device set {wanted.device} --address A, "
            "for each name and address that peers dial"
        )
    elif cn is None:
        yield "no name fits into the CN, which takes 64 characters: type a shorter one"
    left = wanted.names[target.san.slots :]
    if left:
        options = " ".join(f"--san {each}" for each in left)
        slots = target.san.slots
        place = f"the page has {slots or 'no'} SAN fields"
        yield f"{place}: give the rest when signing, sipca sign ... {options}"
    example = target.request.placeholder
    if example:
        shown = ", ".join(f"{kind}={value}" for kind, value in example.items())
        yield f"the page may start with an example ({shown}): empty those fields, or fill them in"
    if target.request.factory_cn:
        yield "an empty CN becomes a factory name, which no peer dials"
    yield (
        "then copy the CSR with its BEGIN and END lines, and sipca sign - --device "
        f"{wanted.device}" + ("" if wanted.context is None else f" --context {wanted.context}")
    )


def _instead(wanted: Wanted) -> Iterator[str]:
    """What is to be done for a kind of device on whose page nobody types a CSR."""
    target = wanted.target
    names = " ".join(_spelled(wanted.names)) or wanted.device
    if target.server_files:
        yield f"nothing is typed: {target.description} gets key and certificate as files"
    else:
        yield target.request.instead or f"{target.description}: {target.pages.csr}"
    profile = " --profile phone" if "phone" in target.name else ""
    yield (
        f"sipca issue {names}{profile} --target {target.name} --device {wanted.device} --out DIR"
        if target.server_files
        else f"sipca issue {names}{profile} --key rsa:2048 --device {wanted.device} --out DIR"
    )


def _spelled(names: Sequence[GeneralName]) -> Iterator[str]:
    for each in names:
        if each.kind in ("dns", "ip"):
            yield each.value


def names_known(
    addresses: Sequence[str], of_certificate: Sequence[GeneralName], device: str
) -> tuple[GeneralName, ...]:
    """The names for a certificate: what peers dial, then those that the one before had.

    Where nothing is known, the device's own name if it looks like a host's.
    """
    dialled = [GeneralName("ip" if _is_address(each) else "dns", each) for each in addresses]
    found = dict.fromkeys([*dialled, *of_certificate])
    if not found and "." in device and looks_like_host(device):
        return (GeneralName("dns", device.casefold()),)
    return tuple(found)


def _is_address(text: str) -> bool:
    from ca.names.hosts import as_address

    return as_address(text) is not None
