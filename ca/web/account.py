"""The Sign screen: what is pasted, the account of what would be issued, and signing it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from ca.authority.devices.device import list_devices
from ca.authority.home import Home
from ca.authority.reports.list import ListWishes, list_certificates
from ca.authority.reports.profile import profiles
from ca.authority.reports.target import targets
from ca.authority.signing.csr import inspect_request
from ca.authority.signing.judge import Source
from ca.authority.signing.sign import sign
from ca.authority.upload_files import Delivery
from ca.documents.csr import RequestDocument
from ca.documents.sign import SigningDocument
from ca.errors import CAError
from ca.web.forms import SigningForm, offers

SOON = timedelta(days=60)
"""The window of the top line and of the filter: what `list --expiring 60d` shows."""


def screen(home: Home, form: SigningForm) -> dict[str, Any]:
    """Everything that the Sign screen shows; errors of what was typed are shown on it."""
    seen: dict[str, Any] = {
        "typed": form,
        "devices": [each.name for each in list_devices(home).devices],
        "profiles": [each.name for each in profiles(home.library).profiles],
        "targets": [each.name for each in targets(home.library).targets],
        "due": len(list_certificates(home, ListWishes(expiring=SOON)).certificates),
        "request": None,
        "document": None,
        "wrong": None,
        "offers": [],
        "command": form.command(),
        "several": False,
        "button": "Sign",
    }
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
    return seen


def _one(
    home: Home, form: SigningForm, source: Source, document: SigningDocument
) -> dict[str, Any]:
    request: RequestDocument = inspect_request(
        source.read(), source=source.label, library=home.library, target=form.target or home.target
    )
    hints = [each.hint for each in document.refused]
    return {"request": request, "offers": offers(request.findings, *hints)}


def _button(document: SigningDocument) -> str:
    ready = [*document.signed, *document.skipped]
    if len(ready) > 1:
        return f"Sign {len(ready)} certificates"
    for one in ready:
        cn = re.search(r"CN=([^,]+)", one.subject)
        word = "Hand out again" if document.skipped else "Sign"
        return f"{word} {cn[1][:60] if cn else one.subject[:60]} until {one.not_after:%Y-%m-%d}"
    return "Sign"
