"""Screen three: devices, what each needs next, and what to type on its page."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ca.authority.devices.crib import device_crib
from ca.authority.devices.device import list_devices
from ca.authority.devices.plan import plan, record_step
from ca.authority.records import days_left
from ca.errors import MalformedError
from ca.web.desk import Desk
from ca.web.forms import Fields

DEVICES_A_PAGE = 100


def devices(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Screen three, a page of it: what each device needs next."""
    asked = request.query_params.get("from", "")
    first = int(asked) if re.fullmatch(r"[0-9]{1,9}", asked, re.ASCII) else 0
    with desk.home() as home:
        found = plan(home).devices
        registered = {each.name for each in list_devices(home).devices}
        return desk.page(
            "devices.html",
            home,
            entries=found[first : first + DEVICES_A_PAGE],
            days_left=lambda end: days_left(end, home.now()),
            first=first,
            following=first + DEVICES_A_PAGE if first + DEVICES_A_PAGE < len(found) else None,
            registered=registered,
        )


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
