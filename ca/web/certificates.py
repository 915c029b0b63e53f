"""Screen two: certificates, each with its files, account and lineage; renewing and revoking."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ca.authority.devices.kit import judge_kit
from ca.authority.devices.steps import target_of, tick_steps, upload_steps
from ca.authority.refs import find
from ca.authority.reports.export import ExportWishes, export
from ca.authority.reports.list import PageWishes, list_page
from ca.authority.reports.show import show_certificate
from ca.authority.signing.renew import RenewWishes, renew
from ca.authority.status.revoke import RevocationWishes, revoke
from ca.authority.upload_files import chain_of, device_name, stem_of_row
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
CERTIFICATES_A_PAGE = 100
_PLACE = re.compile(r"(-?[0-9]{1,15})_(-?[0-9]{1,15})", re.ASCII)


def certificates(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Screen two, a page of it."""
    query = request.query_params
    wanted, soon, every = query.get("q", "").strip()[:200], "expiring" in query, "all" in query
    place = _PLACE.fullmatch(query.get("after", ""))
    wishes = PageWishes(
        text=wanted,
        expiring=SOON if soon else None,
        everything=every,
        most=CERTIFICATES_A_PAGE,
        after=(int(place[1]), int(place[2])) if place else None,
    )
    with desk.home() as home:
        page, rest = list_page(home, wishes)
        asked = (
            {"q": wanted} | ({"expiring": "1"} if soon else {}) | ({"all": "1"} if every else {})
        )
        following = None if rest is None else urlencode(asked | {"after": f"{rest[0]}_{rest[1]}"})
        return desk.page(
            "certificates.html",
            home,
            shown=page.certificates,
            q=wanted,
            soon=soon,
            every=every,
            following=following,
            later=place is not None,
        )


def certificate(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """One certificate: its files in the order of the device's pages, its account, its lineage."""
    ref = request.path_params["serial"]
    with desk.home() as home:
        seen, row = show_certificate(home, ref), find(home, ref).row
        old, target = seen.certificate.supersedes, target_of(home, row.device)
        alive = seen.certificate.status in ("valid", "not-yet-valid")
        return desk.page(
            "certificate.html",
            home,
            seen=seen,
            file=device_name(stem_of_row(row), row.context),
            steps=upload_steps(home, ref),
            target=target,
            verdict=judge_kit(home, ref) if alive and not target.server_files else None,
            reasons=REASONS,
            trust=list(chain_of(home).trust),
            new="new" in request.query_params,
            old=show_certificate(home, old).certificate if old else None,
            command=desk.commands.get(seen.certificate.serial),
        )


def do_steps(desk: Desk, request: Request, fields: Fields) -> Response:
    """Remember which steps of the upload are done."""
    serial = request.path_params["serial"]
    with desk.home() as home:
        tick_steps(home, serial, frozenset(fields.get("step", [])))
    return RedirectResponse(f"/certificate/{serial}#steps", 303)


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
        wishes = ExportWishes(Path(folder), target=target_of(home, row.device).name, zip=True)
        (written,) = export(home, row.serial.hex(), wishes).files
        return download(Path(written).name, Path(written).read_bytes(), "application/zip")


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
        desk.note_command(serial, f"sipca revoke {serial} --reason {reason}")
        back = fields.get("back", [""])[0]
        return f"/certificate/{back if re.fullmatch('[0-9a-f]{4,64}', back) else serial}"

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
        for signed in document.signed:
            names = " ".join(refs)
            desk.note_command(signed.serial or "", f"sipca renew {names} --out upload")
        for refused in document.refused:
            error = refused.error()
            error.message = f"{refused.source}: {refused.message}"
            raise error
        return "/certificates"

    return once(desk, fields, work)
