"""Screen three: devices, what each needs next, and what to type on its page."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ca.authority.devices.crib import device_crib
from ca.authority.devices.device import list_devices
from ca.authority.devices.plan import plan, record_step
from ca.authority.reports.list import ListWishes, list_certificates
from ca.errors import MalformedError
from ca.web.desk import Desk
from ca.web.forms import Fields


def devices(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Screen three: what each device needs next."""
    with desk.home() as home:
        found = list_certificates(home, ListWishes()).certificates
        ends = {each.serial: each for each in found}
        registered = {each.name for each in list_devices(home).devices}
        return desk.page("devices.html", home, plan=plan(home), ends=ends, registered=registered)


def do_step(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Remember that a device has its trust files or its certificate."""
    name, step, context = (fields.get(key, [""])[0] for key in ("device", "step", "context"))
    if step not in ("trust", "certificate"):
        raise MalformedError(f"there is no step '{step[:40]}'", hint="open the page anew")
    with desk.home() as home:
        number = int(context) if re.fullmatch(r"[0-9]{1,2}", context, re.ASCII) else None
        record_step(home, name, step, context=number)  # type: ignore[arg-type]
    return RedirectResponse("/devices", 303)


def crib(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """What to type on the device's page."""
    with desk.home() as home:
        name = request.path_params["name"]
        return desk.page("device.html", home, crib=device_crib(home, name))
