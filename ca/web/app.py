"""The pages: which address calls which verb."""

from __future__ import annotations

import functools
import re
import tempfile
import traceback
import unicodedata
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ca.authority.devices.crib import device_crib
from ca.authority.devices.device import list_devices
from ca.authority.devices.plan import plan, record_step
from ca.authority.home import Home
from ca.authority.refs import find
from ca.authority.reports.chain import chain, chain_document
from ca.authority.reports.export import ExportWishes, export
from ca.authority.reports.list import ListWishes, list_certificates
from ca.authority.reports.log import log
from ca.authority.reports.show import show_certificate
from ca.authority.signing.renew import RenewWishes, renew
from ca.authority.signing.sign import sign
from ca.authority.status.check import check
from ca.authority.status.revoke import RevocationWishes, revoke
from ca.authority.upload_files import Delivery, chain_of, device_name, file_safe, stem_of_row
from ca.device.request_rules import next_steps
from ca.documents.log import LogEvent
from ca.documents.sign import SigningDocument
from ca.errors import CAError, ConflictError, MalformedError, NotFoundError, PolicyError
from ca.web.batch import Work
from ca.web.desk import FOLDER, Desk
from ca.web.forms import Fields, SigningForm, read_fields
from ca.web.gate import Gate
from ca.web.sign import SOON, screen

REASONS = (
    "unspecified",
    "key-compromise",
    "superseded",
    "cessation",
    "affiliation-changed",
    "hold",
)
EVENTS_A_PAGE = 50
_SECRET = ("passphrase", "unlock")
Page = Callable[[Desk, Request, Fields], Response]


def application(desk: Desk, port: int) -> Gate:
    """The page over one home, behind its gate."""

    def route(path: str, page: Page, method: str = "GET") -> Route:
        return Route(path, functools.partial(_answer, desk, page), methods=[method])

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
            route("/certificate/{serial}/revoke", do_revoke, "POST"),
            route("/devices", devices),
            route("/devices/done", do_step, "POST"),
            route("/device/{name}", crib),
            route("/ca", ca),
            route("/ca/{name}", ca_file),
            route("/lock", do_lock, "POST"),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
        ]
    )
    return Gate(app, port=port, secrets=desk.secrets, refusal=desk.refusal)


async def _answer(desk: Desk, page: Page, request: Request) -> Response:
    body = await request.body() if request.method == "POST" else b""
    return await run_in_threadpool(_page, desk, page, request, body)


def _page(desk: Desk, page: Page, request: Request, body: bytes) -> Response:
    try:
        fields = read_fields(body) if request.method == "POST" else {}
        if request.method == "POST":
            _check_form(desk, request.url.path, fields)
        return page(desk, request, fields)
    except CAError as error:
        return desk.error(error)
    except Exception as error:  # the page gives no detail; the terminal does, with --debug
        desk.environment.bug("".join(traceback.format_exception(error)))
        return desk.refusal(500, "this is a bug of sipca", "the command line may tell more")


def _check_form(desk: Desk, path: str, fields: Fields) -> None:
    nonce, token = (fields.get(name, [""])[0] for name in ("nonce", "form-token"))
    action = "/sign" if path == "/account" else path  # two buttons of one form
    if not desk.secrets.is_form(action, nonce, token):
        raise PolicyError(
            "this form was not made by this page", hint="open the page anew", rule="page-form"
        )
    if desk.read_only and path not in ("/account", "/lock"):
        raise PolicyError(
            "the page was started to look only",
            hint="start sipca web without --read-only",
            rule="page-form",
        )


def _once(desk: Desk, fields: Fields, work: Callable[[], str]) -> Response:
    """Do what a form asks for, once; the same page with other contents is another form."""
    asked = sorted((name, each) for name, each in fields.items() if name not in _SECRET)
    return RedirectResponse(desk.once.do(sha256(repr(asked).encode()).hexdigest(), work), 303)


def _typed(fields: Fields) -> bytes | None:
    """The passphrase of the form, in the octets that encrypt keys; None if none was typed."""
    text = fields.get("passphrase", [""])[0]
    return unicodedata.normalize("NFC", text).encode() if text else None


def _keep(desk: Desk, fields: Fields, typed: bytes | None) -> None:
    """Hold a passphrase that has just opened a key, where the operator said so."""
    if typed and "unlock" in fields:
        desk.unlock.hold(typed)


def sign_screen(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Screen one, empty."""
    with desk.home() as home:
        return desk.page("sign.html", home, **screen(home, SigningForm()))


def account(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Screen one with what would be issued."""
    with desk.home() as home:
        return desk.page("sign.html", home, **screen(home, SigningForm.read(fields)))


def do_sign(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Sign what screen one showed."""
    form = SigningForm.read(fields)
    sources, typed = form.sources(), _typed(fields)
    if not sources:
        raise MalformedError("there is no CSR to sign", hint="paste one, or drop its file")

    def one() -> str:
        with desk.home(typed) as home:
            document = sign(home, sources, delivery=Delivery())
            serial = _serial_of(document)
            if home.is_open(home.ca("issuing")):
                _keep(desk, fields, typed)
            return f"/certificate/{serial}?new"

    def several() -> str:
        with desk.home(typed) as home:
            home.signer(home.ca("issuing"))  # a wrong passphrase is told at once
            _keep(desk, fields, typed)
        name = desk.secrets.fresh()[:16]
        desk.works[name] = Work(desk, sources, typed or desk.unlock.passphrase)
        return f"/batch/{name}"

    return _once(desk, fields, one if len(sources) == 1 else several)


def _serial_of(document: SigningDocument) -> str:
    """The serial of the one certificate of a document.

    Raises:
        PolicyError: it was refused.
    """
    for refused in document.refused:
        error = CAError(refused.message, hint=refused.hint)
        error.kind = refused.kind
        raise error
    one = (document.signed or document.skipped)[0]
    return one.serial or ""


def batch(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """How far a batch is, or what came of it."""
    with desk.home() as home:
        return desk.page(
            "batch.html", home, work=_work(desk, request), batch=request.path_params["work"]
        )


def batch_zip(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """The files of a batch."""
    return _download("upload.zip", _work(desk, request).zip, "application/zip")


def _work(desk: Desk, request: Request) -> Work:
    work = desk.works.get(request.path_params["work"])
    if work is None:
        raise NotFoundError(
            "this page was started after that batch", hint="its certificates are in the list"
        )
    return work


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
        return _download(name, texts[name].encode(), "application/x-pem-file")


def do_kit(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """The kit: an export into a folder of its own, sent as the zip it wrote."""
    with desk.home() as home, tempfile.TemporaryDirectory(prefix="sipca-") as folder:
        row = find(home, request.path_params["serial"]).row
        wishes = ExportWishes(Path(folder), target=_target(home, row.device), zip=True)
        (written,) = export(home, row.serial.hex(), wishes).files
        return _download(Path(written).name, Path(written).read_bytes(), "application/zip")


def _target(home: Home, device: str | None) -> str:
    """The kind of a device, by default the home's."""
    known = {each.name: each.target for each in list_devices(home).devices}
    return known.get(device or "") or home.target


def do_revoke(desk: Desk, request: Request, fields: Fields) -> Response:
    """Revoke one certificate."""
    serial = request.path_params["serial"]
    reason, typed = fields.get("reason", ["unspecified"])[0], _typed(fields)
    if reason not in REASONS:
        raise MalformedError(f"there is no reason '{reason[:40]}'", hint="choose one of the list")
    if "sure" not in fields:
        raise ConflictError(
            "the box beside the button was not ticked", hint="go back, and tick it to revoke"
        )

    def work() -> str:
        with desk.home(typed) as home:
            revoke(home, [serial], [], RevocationWishes(reason=reason))  # type: ignore[arg-type]
            if home.is_open(home.ca("issuing")):
                _keep(desk, fields, typed)
        return f"/certificate/{serial}"

    return _once(desk, fields, work)


def do_renew(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Renew the certificates that were ticked."""
    refs, typed = tuple(fields.get("ref", [])), _typed(fields)
    if not refs:
        raise MalformedError("no certificate was ticked", hint="go back, and tick those to renew")

    def work() -> str:
        with desk.home(typed) as home, tempfile.TemporaryDirectory(prefix="sipca-") as folder:
            document = renew(home, RenewWishes(Path(folder), refs=refs))
            _keep(desk, fields, typed)
        for refused in document.refused:
            error = CAError(f"{refused.source}: {refused.message}", hint=refused.hint)
            error.kind = refused.kind
            raise error
        return "/certificates"

    return _once(desk, fields, work)


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


def ca(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Screen four."""
    asked = request.query_params.get("before", "")
    before = int(asked) if re.fullmatch(r"[0-9]{1,15}", asked, re.ASCII) else None
    newest: list[LogEvent] = []

    def keep(event: LogEvent) -> None:
        if before is None or event.id < before:
            newest.append(event)
            del newest[:-EVENTS_A_PAGE]

    with desk.home() as home:
        log(home, hand_on=keep)
        return desk.page(
            "ca.html",
            home,
            chain=chain_document(home),
            checked=check(home),
            events=newest[::-1],
            year=_year(home),
        )


def _year(home: Home) -> list[tuple[str, int]]:
    """How many certificates end in each of the next twelve months."""
    ends = [each.not_after for each in list_certificates(home, ListWishes()).certificates]
    now = home.now()
    months = [
        (now.year + (now.month - 1 + n) // 12, (now.month - 1 + n) % 12 + 1) for n in range(12)
    ]
    return [(f"{y}-{m:02}", sum((e.year, e.month) == (y, m) for e in ends if e)) for y, m in months]


def ca_file(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """A file of the CA's: the chain as PEM or PKCS#7."""
    kinds = {"chain.pem": "pem", "chain.p7b": "p7b"}
    name = request.path_params["name"]
    with desk.home() as home:
        if name in kinds:
            data = chain(home, format=kinds[name])  # type: ignore[arg-type]
            return _download(name, data, "application/octet-stream")
        texts = chain_of(home).trust
        if name not in texts:
            raise NotFoundError("there is no such file", hint="open the page of the CA")
        return _download(name, texts[name].encode(), "application/x-pem-file")


def do_lock(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Forget the passphrase."""
    desk.unlock.forget()
    return RedirectResponse("/", 303)


def _download(name: str, data: bytes, kind: str) -> Response:
    stem, dot, end = name.rpartition(".")
    safe = f"{file_safe(stem)}{dot}{end}"
    return Response(
        data,
        media_type=kind,
        headers={"content-disposition": f'attachment; filename="{quote(safe)}"'},
    )
