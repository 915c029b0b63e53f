"""How every page is answered: its form judged, errors as pages, work done once, downloads."""

from __future__ import annotations

import traceback
import unicodedata
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ca.authority.home import Home
from ca.authority.upload_files import file_safe
from ca.errors import CAError, PolicyError
from ca.web.desk import Desk
from ca.web.forms import Fields, read_fields

_SECRET = ("passphrase", "unlock")
Page = Callable[[Desk, Request, Fields], Response]


async def answer(desk: Desk, page: Page, request: Request) -> Response:
    """Answer a request in a thread of its own: verbs and SQLite wait for disks."""
    body = await request.body() if request.method == "POST" else b""
    return await run_in_threadpool(shown_page, desk, page, request, body)


def shown_page(desk: Desk, page: Page, request: Request, body: bytes) -> Response:
    """The page, or the page of the error that ended it."""
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


def once(desk: Desk, fields: Fields, work: Callable[[], str]) -> Response:
    """Do what a form asks for, once; the same page with other contents is another form."""
    asked = sorted((name, each) for name, each in fields.items() if name not in _SECRET)
    return RedirectResponse(desk.once.do(sha256(repr(asked).encode()).hexdigest(), work), 303)


def typed_passphrase(fields: Fields) -> bytes | None:
    """The passphrase of the form, in the octets that encrypt keys; None if none was typed."""
    text = fields.get("passphrase", [""])[0]
    return unicodedata.normalize("NFC", text).encode() if text else None


def keep_if_opened(desk: Desk, home: Home, fields: Fields, typed: bytes | None) -> None:
    """Hold the passphrase where the operator said so, and only if it has just opened the key."""
    if typed and "unlock" in fields and home.is_open(home.ca("issuing")):
        desk.unlock.hold(typed)


def download(name: str, data: bytes, kind: str) -> Response:
    """A file to keep, under a name that is safe in a header and on every disk."""
    stem, dot, end = name.rpartition(".")
    safe = f"{file_safe(stem)}{dot}{end}"
    return Response(
        data,
        media_type=kind,
        headers={"content-disposition": f'attachment; filename="{quote(safe)}"'},
    )
