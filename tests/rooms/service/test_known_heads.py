"""Known heads: what is answered without a parser is answered as httptools would have it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stand_in.roads import Forgetful, Road, Wire

from ca.revocation.ocsp_request import MAX_REQUEST
from ca.service import guard, known_heads
from ca.service.guard import MAX_HEAD
from ca.service.known_heads import LONGEST_HEAD, MOST_HEADS, KnownHeads, KnownRequest

PLAIN = (
    b"POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\ncontent-length:4 \r\nConnection: close\r\n\r\n",
    b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\n",
    b"\r\nPOST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    b"POST / HTTP/1.1\r\n\r\n",
)
"""Heads of requests that are answered without the application."""
ODD = {
    "Expect": b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
    "chunks": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunks and a length": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
    "another encoding": b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\nContent-Length: 4\r\n\r\n",
    "an upgrade": b"POST / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n",
    "two other lengths": b"POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
    "a length too long": b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "a length with a sign": b"POST / HTTP/1.1\r\nContent-Length: +4\r\n\r\n",
    "bare line feeds": b"POST / HTTP/1.1\nContent-Length: 4\n\n",
    "a bare line feed": b"POST / HTTP/1.1\r\nA: b\nContent-Length: 4\r\n\r\n",
    "lines that go on": b"POST / HTTP/1.1\r\nA: b\r\n Content-Length: 4\r\n\r\n",
    "a blank before the colon": b"POST / HTTP/1.1\r\nContent-Length : 4\r\n\r\n",
    "NUL": b"POST / HTTP/1.1\r\nA: \x00\r\nContent-Length: 4\r\n\r\n",
    "another path": b"POST /other HTTP/1.1\r\nContent-Length: 4\r\n\r\n",
    "a whole URL": b"POST http://x/ HTTP/1.1\r\nContent-Length: 4\r\n\r\n",
    "a query": b"POST /?a HTTP/1.1\r\nContent-Length: 4\r\n\r\n",
    "another method": b"PUT / HTTP/1.1\r\nContent-Length: 4\r\n\r\n",
    "GET": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET with a body": b"GET / HTTP/1.1\r\nContent-Length: 4\r\n\r\n",
    "another version": b"POST / HTTP/9.9\r\nContent-Length: 4\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
}
BODIES = (b"abcd", b"\r\n\r\n", b"abc", b"abcdE", b"4\r\nabcd\r\n0\r\n\r\n", b"")


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture
def road(loop: asyncio.AbstractEventLoop) -> Road:
    return Road(loop, KnownHeads())


@pytest.fixture
def long_road(loop: asyncio.AbstractEventLoop) -> Road:
    return Road(loop, Forgetful())


@pytest.mark.parametrize("head", PLAIN)
def test_a_head_that_came_once_is_known_and_answered_in_the_same_way(
    road: Road, head: bytes
) -> None:
    body = b"\x30\x00\r\n" if b"4" in head else b""

    first = road.answer([head + body])
    known = road.heads.read(head + body)
    again = road.answer([head + body])

    assert known == KnownRequest(body, b"HTTP/1.1" in head and b"close" not in head)
    assert first == again
    assert road.state.total_requests == 2


@pytest.mark.parametrize("head", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("body", BODIES)
def test_a_head_that_asks_for_anything_else_is_never_known(
    road: Road, long_road: Road, head: bytes, body: bytes
) -> None:
    answers = {road.answer([head + body]) for _ in range(2)}

    assert len(road.heads) == 0
    assert answers == {long_road.answer([head + body])}


@pytest.mark.parametrize(
    "pieces",
    [
        (PLAIN[1][:9], PLAIN[1][9:] + b"abcd"),
        (PLAIN[1], b"abcd"),
        (PLAIN[1] + b"ab", b"cd"),
        (PLAIN[1] + b"abcd" + PLAIN[1] + b"efgh",),
        (PLAIN[1] + b"abcd" + PLAIN[1][:30],),
        (b"\r\n", PLAIN[1] + b"abcd", b"\r\n\r\n", PLAIN[1] + b"efgh"),
        (ODD["Expect"], PLAIN[1] + b"abcd"),
        (PLAIN[1] + b"ab", PLAIN[1] + b"abcd"),
        (ODD["another path"] + b"abcd", PLAIN[1] + b"abcd", PLAIN[0] + b"abcd"),
        tuple(bytes([octet]) for octet in PLAIN[0] + b"abcd"),
    ],
    ids=repr,
)
def test_pieces_and_requests_behind_others_are_answered_in_the_same_way(
    road: Road, long_road: Road, pieces: tuple[bytes, ...]
) -> None:
    for head in PLAIN:
        road.answer([head + (b"abcd" if b"4" in head else b"")])

    assert road.answer(pieces) == long_road.answer(pieces)


def test_what_a_client_sends_while_it_is_answered_waits_for_its_turn(
    road: Road, long_road: Road
) -> None:
    posted, healthy = PLAIN[1] + b"abcd", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    road.answer([posted])

    def told(each: Road) -> tuple[bytes, bytes]:
        wire, protocol = Wire(), each.protocol()
        protocol.connection_made(wire)
        for piece in (healthy, posted, posted):
            protocol.data_received(piece)
        before = wire.written
        for _ in range(3):
            each.turn()
        protocol.connection_lost(None)
        return before, wire.written

    found = told(road), told(long_road)

    assert found[0] == found[1]
    assert found[0][0] == b"", "the first is answered by the application, the others after it"
    assert found[0][1].count(b"HTTP/1.1 200 OK") == 3


def test_blank_lines_before_known_requests_do_not_add_up(road: Road, long_road: Road) -> None:
    pieces = [b"\r\n" * (MAX_HEAD // 5), PLAIN[1] + b"abcd"] * 4
    road.answer([PLAIN[1] + b"abcd"])

    assert road.answer(pieces) == long_road.answer(pieces)
    assert road.answer(pieces)[0].count(b"200 OK") == 4


def test_a_known_request_is_in_time(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "REQUEST_SECONDS", 0.0)

    answers = [road.answer([PLAIN[1] + b"abcd"]) for _ in range(2)]

    assert [closed for _, closed in answers] == [False, False]
    assert road.answer([PLAIN[1]]) == (b"", True), "the rest of it is not"


def test_a_connection_stays_open_for_some_seconds_after_its_last_answer(
    loop: asyncio.AbstractEventLoop, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [loop.time()]
    monkeypatch.setattr(loop, "time", lambda: now[0])
    wire, protocol = Wire(), road.protocol()
    protocol.connection_made(wire)
    open_for = []

    for seconds in (0.0, protocol.timeout_keep_alive - 1, protocol.timeout_keep_alive - 1):
        now[0] += seconds
        protocol.data_received(PLAIN[1] + b"abcd")
        road.turn()
    for _ in range(3):
        now[0] += protocol.timeout_keep_alive / 2
        road.turn()
        open_for.append(not wire.closed)
    protocol.connection_lost(None)

    assert wire.written.count(b"200 OK") == 3
    assert open_for == [True, False, False]


def test_a_body_that_is_too_long_is_refused_however_often_its_head_came(road: Road) -> None:
    head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n"
    most, more = MAX_REQUEST, MAX_REQUEST + 1

    for _ in range(2):
        taken = road.answer([head % most + b"x" * most])
        refused = road.answer([head % more + b"x" * more])

        assert taken[0].startswith(b"HTTP/1.1 200 OK\r\n")
        assert refused[0].startswith(b"HTTP/1.1 413 Content Too Large\r\nconnection: close\r\n")
        assert refused[1]
    assert len(road.heads) == 1


def test_heads_without_end_take_the_room_of_a_few(road: Road) -> None:
    for number in range(3 * MOST_HEADS):
        road.answer([b"POST / HTTP/1.0\r\nA: %d\r\nContent-Length: 1\r\n\r\nx" % number])
    road.answer([b"POST / HTTP/1.0\r\nA: " + b"a" * LONGEST_HEAD + b"\r\n\r\n"])

    assert len(road.heads) == MOST_HEADS
    newest = b"POST / HTTP/1.0\r\nA: %d\r\nContent-Length: 1\r\n\r\nx" % (3 * MOST_HEADS - 1)
    assert road.heads.read(newest) == KnownRequest(b"x", keep=False)
    assert known_heads.MOST_HEADS * known_heads.LONGEST_HEAD <= 64 * 1024


MESSAGE = st.tuples(st.sampled_from([*PLAIN, *PLAIN, *ODD.values()]), st.sampled_from(BODIES)).map(
    b"".join
)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_comes_in_whatever_pieces_is_answered_as_httptools_has_it(
    loop: asyncio.AbstractEventLoop, data: st.DataObject
) -> None:
    road, long_road = Road(loop, KnownHeads()), Road(loop, Forgetful())
    messages = data.draw(st.lists(MESSAGE, min_size=1, max_size=4))
    for each in messages:
        road.answer([each])
    pieces = data.draw(st.permutations(messages))
    if data.draw(st.booleans()):  # one octet is another one
        number = data.draw(st.integers(0, len(pieces) - 1))
        octets = bytearray(pieces[number])
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
        pieces[number] = bytes(octets)
    if data.draw(st.booleans()):  # cut anywhere
        octets = b"".join(pieces)
        cuts = sorted(data.draw(st.lists(st.integers(1, len(octets)), max_size=4)))
        pieces = [octets[a:b] for a, b in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
        pieces = [each for each in pieces if each]

    assert road.answer(pieces) == long_road.answer(pieces)
