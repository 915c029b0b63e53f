"""The pages: which address calls which verb."""

from __future__ import annotations

import functools

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ca.web.answers import Page, answer
from ca.web.ca import ca, ca_file, do_lock
from ca.web.certificates import (
    certificate,
    certificates,
    device_file,
    do_kit,
    do_renew,
    do_revoke,
    do_steps,
)
from ca.web.desk import FOLDER, Desk
from ca.web.devices import crib, devices, do_step
from ca.web.gate import Gate
from ca.web.phones import do_approve, do_deny, phone, phones
from ca.web.signing import account, batch, batch_zip, do_sign, sign_screen


def application(desk: Desk, port: int) -> Gate:
    """The page over one home, behind its gate."""

    def route(path: str, page: Page, method: str = "GET") -> Route:
        return Route(path, functools.partial(answer, desk, page), methods=[method])

    app = Starlette(
        routes=[
            route("/", sign_screen),
            route("/account", account, "POST"),
            route("/sign", do_sign, "POST"),
            route("/batch/{work}", batch),
            route("/batch/{work}/files.zip", batch_zip),
            route("/certificates", certificates),
            route("/certificates/renew", do_renew, "POST"),
            route("/certificate/{serial}", certificate),
            route("/certificate/{serial}/file/{name}", device_file),
            route("/certificate/{serial}/kit", do_kit, "POST"),
            route("/certificate/{serial}/steps", do_steps, "POST"),
            route("/certificate/{serial}/revoke", do_revoke, "POST"),
            route("/devices", devices),
            route("/devices/done", do_step, "POST"),
            route("/device/{name}", crib),
            route("/phones", phones),
            route("/phone/{number}", phone),
            route("/phone/{number}/approve", do_approve, "POST"),
            route("/phone/{number}/deny", do_deny, "POST"),
            route("/ca", ca),
            route("/ca/{name}", ca_file),
            route("/lock", do_lock, "POST"),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
        ]
    )
    return Gate(app, port=port, secrets=desk.secrets, refusal=desk.refusal)
