"""The Sign screen: what is pasted, the account of what would be issued, and signing it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec

from ca.authority.devices.crib import device_crib
from ca.authority.devices.device import list_devices
from ca.authority.home import Home
from ca.authority.reports.list import count_ending
from ca.authority.signing.candidates import Source
from ca.authority.signing.csr import inspect_request
from ca.authority.signing.sign import sign
from ca.authority.upload_files import Delivery
from ca.device.crib import Wanted, crib, names_known
from ca.documents.csr import RequestDocument
from ca.documents.device import CribDocument
from ca.documents.sign import SigningDocument
from ca.errors import CAError, attempt
from ca.model.certificates import GeneralName
from ca.names.general import parse_general_name
from ca.web.forms import SigningForm, offers

_CN = re.compile(r"(?:^|, ?)CN=([^,]+)")
SOON = timedelta(days=60)
"""The window of the top line and of the filter: what `list --expiring 60d` shows."""


def screen(home: Home, form: SigningForm) -> dict[str, Any]:
    """Everything that the Sign screen shows; errors of what was typed are shown on it."""
    seen: dict[str, Any] = {
        "typed": form,
        "devices": [each.name for each in list_devices(home).devices],
        "profiles": list(home.library.profiles.names()),
        "targets": list(home.library.targets.names()),
        "due": count_ending(home, SOON),
        "request": None,
        "document": None,
        "wrong": None,
        "offers": [],
        "command": form.command(),
        "several": False,
        "button": "Sign",
        "names": Names(form.cn, form.san.split()),
    }
    sources: list[Source] = []
    try:
        sources = form.sources()
        if sources:
            document = sign(home, sources, delivery=Delivery(), dry_run=True)
            seen |= {"document": document, "several": len(sources) > 1}
            seen["button"] = _button(document)
            if len(sources) == 1:
                seen |= _one(home, form, sources[0], document)
    except CAError as error:
        seen["wrong"] = error
    seen["crib"] = _crib(home, form, seen["request"])
    return seen


class Names(msgspec.Struct, frozen=True):
    """The CN and SANs that stand in the account to be edited: those to be issued, else asked."""

    cn: str
    san: list[str]


def _names(form: SigningForm, request: RequestDocument, document: SigningDocument) -> Names:
    for one in (*document.signed, *document.skipped):
        cn = _CN.search(one.subject)
        return Names(cn[1] if cn else "", one.san)
    cn = _CN.search(request.subject)
    asked = [] if form.replace_san else request.san
    return Names(form.cn or (cn[1] if cn else ""), [*asked, *form.san.split()])


def _crib(home: Home, form: SigningForm, request: RequestDocument | None) -> CribDocument | None:
    """What to type on the device's page: for what is wrong in the CSR, else for the device."""
    if request is not None and request.crib is not None:
        return request.crib
    try:
        target = home.library.target(form.target or home.target)
        registered = attempt(device_crib, home, form.device, target=form.target or None)
        if form.device and not isinstance(registered, CAError):
            return registered
        names = names_known((), _readable(request.san if request else ()), form.device)
        device = form.device or "NAME"
        return crib(Wanted(device=device, context=None, target=target, names=names))
    except CAError:
        return None  # no such target: told beside the account


def _readable(names: Iterable[str]) -> list[GeneralName]:
    found = (attempt(parse_general_name, each) for each in names)
    return [each for each in found if not isinstance(each, CAError)]


def _one(
    home: Home, form: SigningForm, source: Source, document: SigningDocument
) -> dict[str, Any]:
    request: RequestDocument = inspect_request(
        source.read(), source=source.label, library=home.library, target=form.target or home.target
    )
    hints = [each.hint for each in document.refused]
    names = _names(form, request, document)
    return {"request": request, "offers": offers(request.findings, *hints), "names": names}


def _button(document: SigningDocument) -> str:
    ready = [*document.signed, *document.skipped]
    if len(ready) > 1:
        return f"Sign {len(ready)} certificates"
    for one in ready:
        cn = _CN.search(one.subject)
        word = "Hand out again" if document.skipped else "Sign"
        return f"{word} {cn[1][:60] if cn else one.subject[:60]} until {one.not_after:%Y-%m-%d}"
    return "Sign"
