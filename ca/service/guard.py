"""uvicorn's HTTP protocol with limits, and a fast path for OCSP.

Time and size of a request are limited. OCSP by POST, and cached answers by GET, are given without
a task and an ASGI cycle: live answers are half as fast again, cached ones three times as fast
(``scripts/bench ocsp``). A POST whose head was read before (``known_heads``) needs no parser
either. Everything unusual (a client that does not read, pipelining behind a running cycle,
upgrades) is left to uvicorn.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.events import TimerHandle

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.server import ServerState

from ca.revocation.ocsp_request import MAX_REQUEST
from ca.service.replies import refusal

REQUEST_SECONDS = 10.0
"""Seconds from connecting, or from the last answer, to the end of a request, at most."""
AT_ONCE, POSTED, HEADS = "at_once", "posted", "heads"
"""The worker's state under these names: from a path to headers and body of an answer known
already, or None; from a posted OCSP request to headers and body of its answer; and the
``KnownHeads`` of all connections."""
_TOO_LONG = refusal(413, f"an OCSP request has at most {MAX_REQUEST} octets").octets()
MAX_HEAD = 32 * 1024
"""Octets of request line and headers, at most."""
AT_FIRST = 4096
"""Octets read when a client has connected."""


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections that are slow or have endless headers."""

    _deadline: TimerHandle | None = None
    _head = 0
    _in_head = True
    _answered = False
    _posted: bytes | None = None
    _is_between = True
    _begun_by: bytes | None = None
    _answered_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected: its first request is due, and has mostly come already.

        It is read at once, not when the loop comes round again; and if it can be answered, no
        limit is set. A client that connects for each request waited a tenth longer. Unlike
        uvicorn's own, this does not ask the system for both addresses: nothing here uses them, and
        it took a tenth of a live answer.
        """
        self.connections.add(self)
        self.transport = transport
        self.flow = FlowControl(transport)
        self.scheme = "http"
        data = _came_already(transport)
        if not self._is_answered(data):
            self._expect_request()
            if data:
                self.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """A client disconnected."""
        self._request_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Octets arrived: one whole known request is answered, a head without end is cut off."""
        self._begun_by = None
        if self._is_between:
            if self._is_answered(data):
                return
            self._begun_by = data
        if self._in_head:
            end = data.find(b"\r\n\r\n")
            self._head += len(data) if end < 0 else end
            if self._head > MAX_HEAD:
                self.send_400_response("The request's head is too long.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A request began: it must be complete in time."""
        self._is_between, self._in_head = False, True
        if self._deadline is None:
            self._expect_request()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A request's head is complete; a GET with a cached answer is answered at once."""
        self._in_head, self._head = False, 0
        self._answered, self._posted = False, None
        if self._is_ordinary():
            if self.parser.get_method() == b"POST" and self.url == b"/":
                self._posted = b""
                return
            known = self.app_state[AT_ONCE](self.url)
            if known is not None and self.parser.get_method() == b"GET":
                self._answer(known, keep=self._keeps())
                return
        if b"operation=" in self.url.lower():  # SCEP limits how often an address may ask
            self.scope["client"] = get_remote_addr(self.transport)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body; octets after an answer are ignored."""
        if self._posted is not None:
            self._posted += body
            if len(self._posted) > MAX_REQUEST:
                self._posted = None
                self._answer(_TOO_LONG, status=b"413 Content Too Large", keep=False)
        elif not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is complete."""
        self._is_between = self._in_head = True
        self._request_came()
        if self._posted is not None:
            if self._begun_by is not None:
                self.app_state[HEADS].learn(self._begun_by, self._posted, keep=self._keeps())
            self._answer(self.app_state[POSTED](self._posted), keep=self._keeps())
        elif not self._answered:
            super().on_message_complete()

    def _is_answered(self, data: bytes) -> bool:
        """Whether the octets between two requests were one whole known request, answered now."""
        known = self.app_state[HEADS].read(data)
        if known is None or not self._is_idle():
            return False
        self._head = 0
        self._request_came()
        self._answer(self.app_state[POSTED](known.body), keep=known.keep)
        return True

    def _is_ordinary(self) -> bool:
        wishes = self.expect_100_continue or self.parser.should_upgrade()
        return self._is_idle() and not wishes

    def _is_idle(self) -> bool:
        idle = (self.cycle is None or self.cycle.response_complete) and not self.pipeline
        return idle and not self.flow.write_paused

    def _keeps(self) -> bool:
        return self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()

    def _answer(self, known: bytes, *, keep: bool, status: bytes = b"200 OK") -> None:
        """Write an answer without a task, and wait for the next request or close."""
        self._answered, self._posted = True, None
        self.transport.write(_on_the_wire(self.server_state, known, keep=keep, status=status))
        if not keep:
            self.transport.close()
            return
        self._answered_at = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._close_after(self.timeout_keep_alive)

    def _close_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        """Nothing came since a timer was set; but later answers did not set it anew."""
        left = self._answered_at + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._close_after(left)
        else:
            super().timeout_keep_alive_handler()

    def _expect_request(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._too_late)

    def _request_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        self.transport.close()


def _came_already(transport: asyncio.Transport) -> bytes:
    """What a client sent so far; b"" for nothing yet, and for an end that the loop meets too."""
    if sys.platform == "win32":  # a socket is no file there
        return b""
    try:
        return os.read(transport.get_extra_info("socket").fileno(), AT_FIRST)
    except OSError:
        return b""


def _on_the_wire(
    state: ServerState, known: bytes, *, keep: bool, status: bytes = b"200 OK"
) -> bytes:
    """What uvicorn's own cycle would write around headers and body, and count."""
    state.total_requests += 1
    content = [b"HTTP/1.1 ", status, b"\r\n"]
    for name, value in state.default_headers:
        content += [name, b": ", value, b"\r\n"]
    if not keep:
        content.append(b"connection: close\r\n")
    content.append(known)
    return b"".join(content)
