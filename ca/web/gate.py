"""What comes before every page: host, origin, session, bounds of a body; headers of every answer.

Knows nothing of homes and certificates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ca.web.once import Secrets

MOST_OCTETS = 8 * 1024 * 1024
"""The longest body: a folder of CSRs."""
SECONDS_FOR_BODY = 20.0
FORM = "application/x-www-form-urlencoded"
HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; object-src 'none'; "
    "frame-ancestors 'none'; form-action 'self'",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

Refusal = Callable[[int, str, str], Response]


class Gate:
    """Lets through what the operator's own browser sends to this page, and nothing else."""

    def __init__(self, app: ASGIApp, *, port: int, secrets: Secrets, refusal: Refusal) -> None:
        self.app = app
        self.secrets = secrets
        self.refusal = refusal
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "[::1]", "localhost")}
        self.cookie_name = f"sipca-{port}"  # browsers keep one jar for all ports of a host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge one request, then hand it on with its whole body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answer = self._judged(scope)
        if answer is None and scope["method"] == "POST":
            try:
                async with asyncio.timeout(SECONDS_FOR_BODY):
                    body = await _body(receive)
            except TimeoutError:
                answer = self.refusal(408, "the form took too long to arrive", "send it again")
            else:
                if body is None:
                    answer = self.refusal(
                        413, "the form has more than 8 MiB", "sign a part of the files at a time"
                    )
                else:
                    receive = _replayed(body)
        await (answer or self.app)(scope, receive, send_guarded)

    def _judged(self, scope: Scope) -> Response | None:
        """The answer where the request goes no further."""
        headers = Headers(scope=scope)
        if headers.getlist("host") not in [[host] for host in self.hosts]:
            return self.refusal(
                403, "this address is not the page's own", "open the URL that sipca web printed"
            )
        if scope["path"].startswith("/static/"):
            return None
        if scope["path"] == "/" and b"token=" in scope["query_string"]:
            return self._entry(scope, headers)
        if not self.secrets.is_session(_cookie(headers, self.cookie_name)):
            return self.refusal(
                403,
                "this browser has no session here",
                "open the URL that sipca web printed, or start it again for a new one",
            )
        return self._posted(headers) if scope["method"] == "POST" else None

    def _entry(self, scope: Scope, headers: Headers) -> Response:
        """Swap the one-time token for the cookie."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if len(given) != 1 or scope["method"] != "GET" or not self.secrets.take(given[0]):
            return self.refusal(
                403,
                "this URL was used already, is older than five minutes, or is wrong",
                "end sipca web with Ctrl-C and start it again: it prints a new one",
            )
        if headers.get("sec-fetch-site", "none") == "cross-site":
            # a redirect of another site's navigation would not carry a SameSite=Strict cookie
            text = '<!doctype html><meta http-equiv="refresh" content="0;url=/"><a href="/">Go on'
            answer = Response(text, media_type="text/html")
        else:
            answer = Response(status_code=303, headers={"location": "/"})
        answer.set_cookie(
            self.cookie_name, self.secrets.cookie, httponly=True, samesite="strict", path="/"
        )
        return answer

    def _posted(self, headers: Headers) -> Response | None:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        own = origin == f"http://{headers['host']}"
        # under no-referrer a browser sends the Origin of the page's own forms as null
        hidden = origin == "null" and site == "same-origin"
        if site not in (None, "same-origin") or not (own or hidden):
            return self.refusal(403, "the form was not sent by this page", "open the page anew")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            return self.refusal(415, "what was sent is no form of this page", "use the page")
        return None


def _cookie(headers: Headers, name: str) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None if it is longer than may be."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(pieces)
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > MOST_OCTETS:
            return None
        if not message.get("more_body"):
            return b"".join(pieces)


def _replayed(body: bytes) -> Receive:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive
