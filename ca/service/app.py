"""The ASGI application: OCSP at the root by GET and POST, CRLs, CA certificates, health.

A GET of the root without a request is the page for people.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import multiprocessing
import multiprocessing.process
import os
import signal
import threading
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ca.authority.home import Environment, no_passphrase
from ca.errors import CAError
from ca.revocation.ocsp_request import MAX_REQUEST
from ca.service.guard import AT_ONCE, HEADS, POSTED
from ca.service.handouts import Handouts
from ca.service.known_heads import KnownHeads
from ca.service.register import ServedRegister
from ca.service.register_file import Following
from ca.service.replies import JSON, Reply, refusal, reply

if TYPE_CHECKING:
    from ca.service.scep import SCEPService

HOME_VARIABLE = "SIPCA_SERVED_HOME"
"""The environment variable that names the home for worker processes."""
SCEP_VARIABLE = "SIPCA_SERVED_SCEP"
"""The options by which they answer SCEP, with blanks between; "" for not at all."""
FOLLOW_EVERY = 0.25
"""Seconds between checks for changes of the register by other processes."""
WARN_EVERY = 3600.0
LAST_SECONDS = 10.0
"""Seconds that a worker without a parent has to finish its answers."""

log = logging.getLogger("sipca.serve")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Application:
    """OCSP directly by ASGI, everything else by Starlette."""

    def __init__(self, home: Path, scep: str = "") -> None:
        self.home = home
        self.scep = _scep_service(home, scep) if scep else None
        self.served: ServedRegister | None = None
        self.rest = Starlette(
            routes=[
                Route("/healthz", self._health, methods=["GET"]),
                Route("/", self._page, methods=["GET"]),
                Route("/crl/all.pem", self._all_crls, methods=["GET"]),
                Route("/crl/{name}.crl", self._crl, methods=["GET"]),
                Route("/ca/chain.{form:str}", self._chain, methods=["GET"]),
                Route("/ca/{name}.cer", self._certificate, methods=["GET"]),
                Route("/ca/{name}.pem", self._certificate_pem, methods=["GET"]),
                Route("/trust/{store}/{file}", self._root_for, methods=["GET"]),
            ],
            lifespan=self._lifespan,
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one request, or the lifespan of the worker."""
        if scope["type"] == "http" and self.served is not None:
            path = self._below_prefix(scope["raw_path"])
            method = scope["method"]
            if self.scep is not None and self.scep.is_asked(method, path):
                await _send(send, await self.scep.answer(scope, receive))
                return
            if method == "GET":
                request = request_in(path)
                if request is not None:
                    await _send(send, self.served.got(scope["raw_path"], request))
                    return
            elif method == "POST":
                await _send(send, await self._posted(path, receive))
                return
            scope = {**scope, "path": path.decode("latin-1")}
        await self.rest(scope, receive, send)

    def _below_prefix(self, path: bytes) -> bytes:
        """The path without the base URL's path, so that requests may come with or without it."""
        assert self.served is not None
        prefix = self.served.following.prefix
        if prefix and path.startswith(prefix):
            return path[len(prefix) :] or b"/"
        return path

    async def _posted(self, path: bytes, receive: Receive) -> Reply:
        assert self.served is not None
        if path.strip(b"/"):
            return refusal(404, "OCSP requests are posted to /")
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return refusal(400, "the request was cut off")
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_REQUEST:
                return refusal(413, f"an OCSP request has at most {MAX_REQUEST} octets")
        return self.served.ocsp(body)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[dict[str, Any]]:
        followed = Following(self.home, Environment(passphrase=no_passphrase))
        self.served = ServedRegister(followed)
        following = asyncio.create_task(self._follow(self.served))
        try:
            yield {AT_ONCE: self.served.at_once, POSTED: self.served.posted, HEADS: KnownHeads()}
        finally:
            following.cancel()
            self.served = None
            if self.scep is not None:
                self.scep.close()
            followed.close()

    async def _follow(self, served: ServedRegister) -> None:
        warn_at = 0.0
        while True:
            served.follow()
            if time.monotonic() >= warn_at:
                warn_at = time.monotonic() + WARN_EVERY
                _warn(served)
            await asyncio.sleep(FOLLOW_EVERY)

    async def _health(self, _request: Request) -> Response:
        assert self.served is not None
        try:
            findings = self.served.troubles()
        except CAError as error:
            body = msgspec.json.encode(
                {"status": "failing", "findings": [], "error": error.message, "hint": error.hint}
            )
            return _response(reply(body, JSON, status=503))
        status = "failing" if findings else "ok"
        body = msgspec.json.encode({"status": status, "findings": findings})
        return _response(reply(body, JSON, status=503 if findings else 200))

    async def _crl(self, request: Request) -> Response:
        assert self.served is not None
        return _response(self.served.crl(request.path_params["name"]))

    async def _certificate(self, request: Request) -> Response:
        assert self.served is not None
        return _response(self.served.certificate(request.path_params["name"]))

    async def _page(self, _request: Request) -> Response:
        return _response(self._handouts().page())

    async def _all_crls(self, _request: Request) -> Response:
        return _response(self._handouts().all_crls())

    async def _chain(self, request: Request) -> Response:
        form = request.path_params["form"]
        if form not in ("pem", "p7b"):
            return _response(refusal(404, "the chain is there as chain.pem and chain.p7b"))
        return _response(self._handouts().chain(form))

    async def _certificate_pem(self, request: Request) -> Response:
        return _response(self._handouts().certificate(request.path_params["name"]))

    async def _root_for(self, request: Request) -> Response:
        path = request.path_params
        return _response(self._handouts().root_for(path["store"], path["file"]))

    def _handouts(self) -> Handouts:
        assert self.served is not None
        return self.served.handouts


def application() -> Application:
    """The application for the home named by the environment; called in each worker."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    served = Application(Path(os.environ[HOME_VARIABLE]), os.environ.get(SCEP_VARIABLE, ""))
    gc.freeze()  # loaded modules are not scanned for garbage again and again
    return served


def _scep_service(home: Path, wished: str) -> SCEPService:
    """SCEP's part, with what only it needs (asn1crypto)."""
    from ca.scep.algorithms import Leniency
    from ca.service.scep import SCEPService
    from ca.service.scep_desk import Desk

    return SCEPService(Desk(home, Leniency(takes_old="--allow" in wished.split())))


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """End this worker when its parent has ended in any way.

    Even if the parent is killed, its end of the pipe is closed, on every system.
    """
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_SECONDS)
    os._exit(1)


def request_in(path: bytes) -> bytes | None:
    """The OCSP request in a GET path (RFC 6960, A.1), or None.

    Accepted with or without percent-encoding, after any number of slashes (from an AIA URL that
    ends in one), without padding, and with blanks where a proxy decoded a plus.
    """
    text = path.lstrip(b"/")
    if b"%" in text:
        text = unquote_to_bytes(text).lstrip(b"/")
    if not text.startswith(b"M"):  # a SEQUENCE, 0x30
        return None
    text = text.replace(b" ", b"+")
    try:
        return b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError:
        return None


def _warn(served: ServedRegister) -> None:
    try:
        for finding in served.troubles():
            log.warning("%s; %s", finding.message, finding.hint)
    except CAError as error:
        if served.following.trouble is None:  # otherwise it was logged already
            log.warning("the register cannot be read: %s", error)


def _response(reply: Reply) -> Response:
    return Response(
        reply.body, reply.status, {name.decode(): value.decode() for name, value in reply.headers}
    )


async def _send(send: Send, reply: Reply) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "http.response.body", "body": reply.body})
