"""Heads of plain OCSP POSTs that were parsed once: the same octets mean the same again.

Clients send a handful of heads over and over: a request line, Content-Type, Content-Length. The
first time httptools reads such a head; what it means here is how long the body is, and whether the
connection goes on. Where it comes again in front of a body of that length, with nothing before or
after, there is nothing left to parse. So this knows no HTTP, and cannot read it in another way
than httptools: a head that httptools refuses, or that asks for anything else, is never learned, and
anything but one whole request is left to it.
"""

from __future__ import annotations

import msgspec

MOST_HEADS = 64
"""Heads remembered by a worker; the oldest gives way."""
LONGEST_HEAD = 1024
_END = b"\r\n\r\n"


class KnownRequest(msgspec.Struct, frozen=True):
    """A plain POST to ``/``: the OCSP request, and whether its connection goes on after it."""

    body: bytes
    keep: bool


class KnownHeads:
    """What heads mean, by their octets up to the empty line."""

    def __init__(self) -> None:
        self._meanings: dict[bytes, tuple[int, bool]] = {}

    def __len__(self) -> int:
        return len(self._meanings)

    def learn(self, request: bytes, body: bytes, *, keep: bool) -> None:
        """Remember the head of a request that httptools read, and in which it found this body.

        Only if the body is what follows the first empty line, to the last octet: not where the
        head ended elsewhere, the body came in chunks, or another request follows.
        """
        end = request.find(_END) + len(_END)
        if request[end:] != body or not len(_END) <= end <= LONGEST_HEAD:
            return
        if len(self._meanings) >= MOST_HEADS:
            del self._meanings[next(iter(self._meanings))]
        self._meanings[request[:end]] = len(body), keep

    def read(self, data: bytes) -> KnownRequest | None:
        """The request, if the octets are a known head with its body and nothing else."""
        end = data.find(_END) + len(_END)
        meaning = self._meanings.get(data[:end])
        if meaning is None or len(data) != end + meaning[0]:
            return None
        return KnownRequest(data[end:], meaning[1])
