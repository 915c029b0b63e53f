"""``serve``'s protocol over a wire in memory, before an application that tells what it was asked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from ca.service.guard import AT_ONCE, HEADS, POSTED, GuardedProtocol
from ca.service.known_heads import KnownHeads, KnownRequest

_NOTHING_THERE = socket.socket()
_NOTHING_THERE.close()


class Forgetful(KnownHeads):
    """Knows no head: everything is read by httptools."""

    def read(self, data: bytes) -> KnownRequest | None:
        """Nothing."""
        del data


class Wire(asyncio.Transport):
    """Keeps what was written, until it is closed."""

    def __init__(self) -> None:
        super().__init__({"socket": _NOTHING_THERE})
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        """Keep it."""
        self.written += b"" if self.closed else data

    def close(self) -> None:
        """No more is written or read."""
        self.closed = True

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed

    def pause_reading(self) -> None:
        """Nothing to pause: a test gives one piece after the other."""

    def resume_reading(self) -> None:
        """The same."""


class Road:
    """Connections of one worker, whose clients' heads are remembered in ``heads``."""

    def __init__(self, loop: asyncio.AbstractEventLoop, heads: KnownHeads) -> None:
        self.loop, self.heads, self.made = loop, heads, 0
        self.state = ServerState()
        self._config = uvicorn.Config(
            tell, http=GuardedProtocol, ws="none", log_config=None, access_log=False
        )
        self.shared = {AT_ONCE: lambda _path: None, POSTED: answer_to, HEADS: heads}

    def protocol(self) -> GuardedProtocol:
        """The protocol of one more connection."""
        self.made += 1
        return GuardedProtocol(self._config, self.state, self.shared, self.loop)

    def answer(self, pieces: Iterable[bytes]) -> tuple[bytes, bool]:
        """What a connection is answered to octets in pieces, and whether it is closed then."""
        wire, protocol = Wire(), self.protocol()
        protocol.connection_made(wire)
        for piece in pieces:
            if wire.closed:
                break
            protocol.data_received(piece)
            self.turn()
        closed = wire.closed
        protocol.connection_lost(None)
        self.turn()
        return wire.written, closed

    def turn(self, times: int = 6) -> None:
        """Let the loop do what is due, and what is due then."""
        self.loop.run_until_complete(turns(times))


async def turns(times: int) -> None:
    """Come back after so many turns of the loop."""
    for _ in range(times):
        await asyncio.sleep(0)


def answer_to(request: bytes) -> bytes:
    """Headers and body of the answer to a posted request, which has the request in it."""
    return b"content-length: %d\r\n\r\n%s" % (len(request), request)


async def tell(scope: Any, receive: Any, send: Any) -> None:
    """Answer with everything that was asked."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    told = [scope[each] for each in ("method", "raw_path", "query_string", "headers")]
    said = f"{scope['http_version']} {told} ".encode() + body
    headers = [(b"content-length", b"%d" % len(said))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})
