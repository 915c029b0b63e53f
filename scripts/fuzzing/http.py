"""Requests to ``serve``, damaged and in pieces: known heads are answered as httptools has it."""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from pathlib import Path

from scripts.fuzzing.mutation import damage_octets

BETWEEN = b"\n-- the next piece --\n"
_PARTS = (
    (
        b"POST / HTTP/1.0\r\n",
        b"POST / HTTP/1.1\r\n",
        b"POST /a HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n",
    ),
    (b"", b"Host: x\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n"),
    (b"", b"", b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n"),
    (
        b"Content-Length: 4\r\n\r\nabcd",
        b"content-length:4\r\n\r\n\r\n\r\n",
        b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        b"\r\n",
    ),
)


def requests_in_pieces(dice: random.Random) -> bytes:
    """Some requests of one connection, whole ones and damaged ones, in pieces."""
    few = [b"".join(map(dice.choice, _PARTS)) for _ in range(2)]
    pieces = [*few, *(dice.choice(few) for _ in range(dice.randint(0, 2)))]
    at = dice.randrange(len(pieces))
    how = dice.randrange(4)
    if how == 0:
        pieces[at] = damage_octets(pieces[at], dice)
    elif how == 1:
        cut = dice.randrange(len(pieces[at]))
        pieces[at : at + 1] = pieces[at][:cut], pieces[at][cut:]
    elif how == 2:
        pieces = [b"".join(pieces)]
    return BETWEEN.join([*pieces, dice.choice(few)])


class TwoRoads:
    """What a connection is answered where heads are known, beside what httptools makes of it."""

    def __init__(self) -> None:
        sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
        from stand_in.roads import Forgetful, KnownHeads, Road

        logging.getLogger("uvicorn.error").disabled = True
        self._loop = asyncio.new_event_loop()
        self._known = lambda: Road(self._loop, KnownHeads())
        self._long_road = Road(self._loop, Forgetful())

    def __call__(self, data: bytes) -> tuple[int, str]:
        """200, or 500 and both answers if they differ."""
        pieces = [each for each in data.split(BETWEEN) if each]
        road = self._known()
        for each in pieces:
            road.answer([each])
        found, expected = road.answer(pieces), self._long_road.answer(pieces)
        return (200, "") if found == expected else (500, f"{found} is not {expected}")
