"""Screen two: certificates, each with its files, account and lineage; renewing and revoking."""

from __future__ import annotations

import tempfile
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from ca.authority.devices.device import list_devices
from ca.authority.devices.plan import plan
from ca.authority.home import Home
from ca.authority.refs import find
from ca.authority.reports.export import ExportWishes, export
from ca.authority.reports.list import ListWishes, list_certificates
from ca.authority.reports.show import show_certificate
from ca.authority.signing.renew import RenewWishes, renew
from ca.authority.status.revoke import RevocationWishes, revoke
from ca.authority.upload_files import chain_of, device_name, stem_of_row
from ca.device.request_rules import next_steps
from ca.errors import ConflictError, MalformedError, NotFoundError
from ca.web.account import SOON
from ca.web.answers import download, keep_if_opened, once, typed_passphrase
from ca.web.desk import Desk
from ca.web.forms import Fields

REASONS = (
    "unspecified",
    "key-compromise",
    "superseded",
    "cessation",
    "affiliation-changed",
    "hold",
)


def certificates(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Screen two."""
    query = request.query_params
    wanted, soon, every = query.get("q", "").strip(), "expiring" in query, "all" in query
    with desk.home() as home:
        found = list_certificates(
            home, ListWishes(expiring=SOON if soon else None, everything=every)
        ).certificates
        word = wanted.casefold()
        shown = [
            each
            for each in found
            if any(
                word in text.casefold()
                for text in (each.subject, each.serial, each.device or "", *each.san)
            )
        ]
        return desk.page("certificates.html", home, shown=shown, q=wanted, soon=soon, every=every)


def certificate(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """One certificate: its files in the order of the device's pages, its account, its lineage."""
    with desk.home() as home:
        ref = request.path_params["serial"]
        seen, match = show_certificate(home, ref), find(home, ref)
        stem, row = stem_of_row(match.row), match.row
        name = device_name(stem, row.context)
        steps = next_steps(
            home.library.target(_target(home, row.device)),
            device=name,
            trusted_root="trusted-root.pem",
            context=row.context,
        )
        entries = [
            each
            for each in plan(home).devices
            if each.device == row.device and each.context == row.context
        ]
        return desk.page(
            "certificate.html",
            home,
            seen=seen,
            file=name,
            steps=steps,
            reasons=REASONS,
            trust=list(chain_of(home).trust),
            new="new" in request.query_params,
            plan=entries,
        )


def device_file(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """The device's PEM, or a trust file."""
    with desk.home() as home:
        match = find(home, request.path_params["serial"])
        name = request.path_params["name"]
        texts = dict(chain_of(home).trust)
        own = device_name(stem_of_row(match.row), match.row.context)
        texts[own] = show_certificate(home, request.path_params["serial"]).certificate_pem
        if name not in texts:
            raise NotFoundError("there is no such file", hint="open the certificate's page")
        return download(name, texts[name].encode(), "application/x-pem-file")


def do_kit(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """The kit: an export into a folder of its own, sent as the zip it wrote."""
    with desk.home() as home, tempfile.TemporaryDirectory(prefix="sipca-") as folder:
        row = find(home, request.path_params["serial"]).row
        wishes = ExportWishes(Path(folder), target=_target(home, row.device), zip=True)
        (written,) = export(home, row.serial.hex(), wishes).files
        return download(Path(written).name, Path(written).read_bytes(), "application/zip")


def _target(home: Home, device: str | None) -> str:
    """The kind of a device, by default the home's."""
    known = {each.name: each.target for each in list_devices(home).devices}
    return known.get(device or "") or home.target


def do_revoke(desk: Desk, request: Request, fields: Fields) -> Response:
    """Revoke one certificate."""
    serial = request.path_params["serial"]
    reason, typed = fields.get("reason", ["unspecified"])[0], typed_passphrase(fields)
    if reason not in REASONS:
        raise MalformedError(f"there is no reason '{reason[:40]}'", hint="choose one of the list")
    if "sure" not in fields:
        raise ConflictError(
            "the box beside the button was not ticked", hint="go back, and tick it to revoke"
        )

    def work() -> str:
        with desk.home(typed) as home:
            revoke(home, [serial], [], RevocationWishes(reason=reason))  # type: ignore[arg-type]
            keep_if_opened(desk, home, fields, typed)
        return f"/certificate/{serial}"

    return once(desk, fields, work)


def do_renew(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Renew the certificates that were ticked."""
    refs, typed = tuple(fields.get("ref", [])), typed_passphrase(fields)
    if not refs:
        raise MalformedError("no certificate was ticked", hint="go back, and tick those to renew")

    def work() -> str:
        with desk.home(typed) as home, tempfile.TemporaryDirectory(prefix="sipca-") as folder:
            document = renew(home, RenewWishes(Path(folder), refs=refs))
            keep_if_opened(desk, home, fields, typed)
        for refused in document.refused:
            error = refused.error()
            error.message = f"{refused.source}: {refused.message}"
            raise error
        return "/certificates"

    return once(desk, fields, work)
