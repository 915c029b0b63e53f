"""uvicorn's HTTP protocol with bounds on how long and how large a request may be on its way."""

from __future__ import annotations

import asyncio
from asyncio.events import TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_SECONDS = 10.0
"""How long a client may take from connecting, or from its last answer, to its request's end."""
AT_ONCE = "at_once"
"""The worker's state under this name: path to headers and body of an answer known already."""
MAX_HEAD = 32 * 1024
"""Octets of request line and headers at the most."""


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections that are slow or have endless headers; others are not held up by them."""

    _deadline: TimerHandle | None = None
    _head = 0
    _in_head = True
    _answered = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected: its first request is due."""
        super().connection_made(transport)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """A client has gone."""
        self._request_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Octets came; a head that does not end is cut off."""
        if self._in_head:
            end = data.find(b"\r\n\r\n")
            self._head += len(data) if end < 0 else end
            if self._head > MAX_HEAD:
                self.send_400_response("The request's head is too long.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A request began: it must be whole in time."""
        self._in_head = True
        if self._deadline is None:
            self._expect_request()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A request's head is whole; a GET answered a moment ago is answered again at once."""
        self._in_head, self._head = False, 0
        known = self._known()
        self._answered = known is not None
        if known is None:
            super().on_headers_complete()
        else:
            self._answer(known)

    def on_body(self, body: bytes) -> None:
        """A piece of the body; what follows an answer given at once is not looked at."""
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._in_head = True
        self._request_came()
        if not self._answered:
            super().on_message_complete()

    def _known(self) -> bytes | None:
        idle = (self.cycle is None or self.cycle.response_complete) and not self.pipeline
        if not idle or self.flow.write_paused or self.parser.get_method() != b"GET":
            return None
        if self.parser.should_upgrade():
            return None
        known: bytes | None = self.app_state[AT_ONCE](self.url)
        return known

    def _answer(self, known: bytes) -> None:
        """What uvicorn's own cycle would write, without a task for it."""
        self.server_state.total_requests += 1
        keep = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        content = [b"HTTP/1.1 200 OK\r\n"]
        for name, value in self.server_state.default_headers:
            content += [name, b": ", value, b"\r\n"]
        if not keep:
            content.append(b"connection: close\r\n")
        content.append(known)
        self.transport.write(b"".join(content))
        if not keep:
            self.transport.close()
            return
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _expect_request(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._too_late)

    def _request_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        self.transport.close()
