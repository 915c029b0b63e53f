"""Screen one and batches: the account of what was pasted or dropped, and signing it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ca.authority.signing.sign import sign
from ca.authority.upload_files import Delivery
from ca.documents.sign import SigningDocument
from ca.errors import MalformedError
from ca.web.account import screen
from ca.web.answers import download, keep_if_opened, once, typed_passphrase
from ca.web.batch import Work
from ca.web.desk import Desk
from ca.web.forms import Fields, SigningForm


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
    sources, typed = form.sources(), typed_passphrase(fields)
    if not sources:
        raise MalformedError("there is no CSR to sign", hint="paste one, or drop its file")

    def one() -> str:
        with desk.home(typed) as home:
            document = sign(home, sources, delivery=Delivery())
            serial = _serial_of(document)
            keep_if_opened(desk, home, fields, typed)
            desk.note_command(serial, form.command())
            return f"/certificate/{serial}?new"

    def several() -> str:
        with desk.home(typed) as home:
            home.signer(home.ca("issuing"))  # a wrong passphrase is told at once
            keep_if_opened(desk, home, fields, typed)
        name = desk.secrets.fresh()[:16]
        desk.note_command(name, form.command())
        desk.remember(name, Work(desk, sources, typed or desk.unlock.passphrase))
        return f"/batch/{name}"

    return once(desk, fields, one if len(sources) == 1 else several)


def _serial_of(document: SigningDocument) -> str:
    """The serial of the one certificate of a document.

    Raises:
        CAError: it was refused.
    """
    for refused in document.refused:
        raise refused.error()
    one = (document.signed or document.skipped)[0]
    return one.serial or ""


def batch(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """How far a batch is, or what came of it."""
    with desk.home() as home:
        return desk.page(
            "batch.html",
            home,
            work=_work(desk, request),
            batch=request.path_params["work"],
            command=desk.commands.get(request.path_params["work"]),
        )


def batch_zip(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """The files of a batch."""
    return download("upload.zip", _work(desk, request).zip, "application/zip")


def _work(desk: Desk, request: Request) -> Work:
    return desk.work(request.path_params["work"])
