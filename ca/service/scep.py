"""SCEP over HTTP: which operation, how much of it, from whom; then one thread that answers.

Nothing here reads a message or opens the home: ``scep_desk`` does, in a thread of its own, so that
OCSP goes on beside it. What is refused here costs neither memory nor disk.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ca.errors import MalformedError
from ca.scep.signed_data import MAX_MESSAGE
from ca.service.replies import Reply, refusal
from ca.service.scep_desk import Desk
from ca.service.scep_limits import AddressLimits
from ca.service.scep_question import is_scep_path, message_in, read_question

MAX_WAITING = 64
"""Questions that wait for the thread; more are sent away, and come again."""
LATER = (b"retry-after", b"30")
_LAST = (b"connection", b"close")
"""What is left of a body that is too long is not waited for."""
log = logging.getLogger("sipca.serve")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class SCEPService:
    """SCEP for one worker process."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.limits = AddressLimits()
        self._plain = {
            "GetCACaps": desk.capabilities,
            "GetCACert": desk.ca_certificates,
            "GetNextCACert": desk.next_ca,
        }
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scep")

    def close(self) -> None:
        """Let the answer that is being made be the last."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def is_asked(self, method: str, path: bytes) -> bool:
        """Whether a request is one of SCEP."""
        return method in ("GET", "POST") and is_scep_path(path)

    async def answer(self, scope: Message, receive: Receive) -> Reply:
        """The reply to one request."""
        address, now = scope["client"][0] if scope.get("client") else "", time.monotonic()
        if not self.limits.admits(address, now):
            sentence = "too many requests came from this address of late"
            if self.limits.is_to_be_told(address, now):
                await self._made(self.desk.refused, address, sentence, 429)
            return _later(429, sentence)
        try:
            question = read_question(scope["query_string"])
            if question.operation in self._plain:
                return await self._made(self._plain[question.operation])
            posts = scope["method"] == "POST"
            message = await posted(scope, receive) if posts else message_in(question.message)
        except TooLongError as error:
            answer = await self._made(self.desk.refused, address, error.message, 413)
            return Reply(answer.status, [*answer.headers, _LAST], answer.body)
        except MalformedError as error:
            return await self._made(self.desk.refused, address, error.message)
        return await self._made(self.desk.operation, message, address)

    async def _made(self, make: Callable[..., Reply], *arguments: object) -> Reply:
        """What the desk makes of it, in its turn."""
        if self._waiting >= MAX_WAITING:
            return _later(503, "too many requests are waiting")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, make, *arguments)
        finally:
            self._waiting -= 1


class TooLongError(MalformedError):
    """A message is longer than any of SCEP's."""

    def __init__(self) -> None:
        super().__init__(f"a SCEP message has at most {MAX_MESSAGE} octets")


async def posted(scope: Message, receive: Receive) -> bytes:
    """The body of a POST, no more of it than a message may have.

    Raises:
        TooLongError: it is longer.
        MalformedError: it was cut off.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:12]) > MAX_MESSAGE:
            raise TooLongError
    body, more = b"", True
    while more:
        received = await receive()
        if received["type"] == "http.disconnect":
            raise MalformedError("the request was cut off")
        body += received.get("body", b"")
        more = received.get("more_body", False)
        if len(body) > MAX_MESSAGE:
            raise TooLongError
    return body


def _later(status: int, text: str) -> Reply:
    answer = refusal(status, text)
    return Reply(status, [*answer.headers, LATER], answer.body)
