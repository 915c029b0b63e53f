"""uvicorn's HTTP protocol with a limit on how long the head of a request may take."""

from __future__ import annotations

import asyncio
from asyncio.events import TimerHandle

from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS_FOR_HEAD = 10.0
"""From connecting, or from a head's first octet, to its end."""


class PatientProtocol(H11Protocol):
    """Closes connections whose request line and headers do not end in time.

    Otherwise a hundred programs that send nothing would keep the operator out.
    """

    _deadline: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A browser connected: its first request is due."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Octets arrived: of a head, or of the body of a request that is being answered."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._head_came()
        elif self._deadline is None and self.conn.trailing_data[0]:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The browser is gone."""
        self._head_came()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(SECONDS_FOR_HEAD, self.transport.close)

    def _head_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
