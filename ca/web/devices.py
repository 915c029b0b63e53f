"""Screen three: devices, what each needs next, and what to type on its page."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ca.authority.devices.crib import device_crib
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
        return desk.page("devices.html", home, plan=plan(home), ends=ends)


def do_step(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Remember that a device has its trust files or its certificate."""
    name, step, context, back = (
        fields.get(key, [""])[0] for key in ("device", "step", "context", "back")
    )
    if step not in ("trust", "certificate"):
        raise MalformedError(f"there is no step '{step[:40]}'", hint="open the page anew")
    with desk.home() as home:
        number = int(context) if re.fullmatch(r"[0-9]{1,2}", context, re.ASCII) else None
        record_step(home, name, step, context=number)  # type: ignore[arg-type]
    place = f"/certificate/{back}" if re.fullmatch("[0-9a-f]{4,64}", back) else "/devices"
    return RedirectResponse(place, 303)


def crib(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """What to type on the device's page."""
    with desk.home() as home:
        name = request.path_params["name"]
        return desk.page("device.html", home, crib=device_crib(home, name))
