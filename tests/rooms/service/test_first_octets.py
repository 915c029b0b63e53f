"""A new connection: what came with it is read at once, and answered as the event loop has it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterator

import pytest
import uvloop
from stand_in.roads import Road, answer_to
from stand_in.waiting import until

from ca.service import guard
from ca.service.guard import AT_FIRST, POSTED
from ca.service.known_heads import KnownHeads

ONCE = b"POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\nabcd"
CLOSING = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nabcd"
STAYING = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd"
ANSWER = b"HTTP/1.1 200 OK\r\nconnection: close\r\n" + answer_to(b"abcd")
LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


class Place:
    """A port that is listened on, and clients of it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop, self.road = loop, Road(loop, KnownHeads())
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.server = loop.run_until_complete(
            loop.create_server(self.road.protocol, sock=self.socket, backlog=200)
        )
        self.clients: list[socket.socket] = []

    def connect(self, *pieces: bytes) -> socket.socket:
        """A client that has sent the first piece before it is accepted, and the others after."""
        client = socket.create_connection(self.socket.getsockname(), 5)
        self.clients.append(client)
        client.setblocking(False)
        for number, piece in enumerate(pieces):
            if number:
                self.road.turn()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it was refused
                client.sendall(piece)
        return client

    def answer(self, client: socket.socket, *, answers: int = 0) -> tuple[bytes, bool]:
        """What a client is told until its connection is closed, or so many answers are there."""
        received, closed = b"", False

        def over() -> bool:
            nonlocal received, closed
            self.road.turn()
            with contextlib.suppress(BlockingIOError):
                piece = client.recv(1 << 20)
                received, closed = received + piece, not piece
            return closed or 0 < answers <= received.count(b"HTTP/1.1 ")

        assert any(over() for _ in range(4)) or until(over)
        return received, closed

    def close(self) -> None:
        """Listen no more."""
        for client in self.clients:
            client.close()
        self.server.close()
        self.road.turn()
        self.loop.close()


@pytest.fixture(params=LOOPS)
def make_place(request: pytest.FixtureRequest) -> Iterator[Callable[[], Place]]:
    with contextlib.ExitStack() as stack:

        def made() -> Place:
            return stack.enter_context(contextlib.closing(Place(LOOPS[request.param]())))

        yield made


@pytest.fixture
def place(make_place: Callable[[], Place]) -> Place:
    return make_place()


@pytest.mark.parametrize("request_", [ONCE, CLOSING], ids=["HTTP/1.0", "HTTP/1.1"])
def test_a_request_that_came_with_its_connection_is_answered_and_the_connection_closed(
    place: Place, request_: bytes
) -> None:
    answers = [place.answer(place.connect(request_)) for _ in range(4)]

    assert answers == [(ANSWER, True)] * 4
    assert place.road.state.total_requests == 4
    assert place.road.state.connections == set()


def test_it_is_answered_before_the_loop_reads_and_needs_no_time_limit(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.answer(place.connect(ONCE))
    place.answer(place.connect(STAYING), answers=1)
    monkeypatch.setattr(guard.GuardedProtocol, "data_received", None)
    monkeypatch.setattr(guard.GuardedProtocol, "_expect_request", None)

    assert place.answer(place.connect(ONCE)) == (ANSWER, True)
    assert place.answer(place.connect(STAYING), answers=1)[0].startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("pieces", "answers"),
    [
        ((ONCE[:20], ONCE[20:]), 0),
        ((ONCE[:-4], ONCE[-4:]), 0),
        ((b"", ONCE), 0),
        ((STAYING, ONCE), 0),
        ((STAYING, STAYING), 2),
        ((STAYING + STAYING,), 2),
        ((ONCE + ONCE,), 0),
        ((ONCE + b"x",), 0),
        ((b"\r\n" + ONCE,), 0),
        ((STAYING.replace(b"Host", b"Expect: 100-continue\r\nHost"),), 2),
        ((STAYING[:-4].replace(b"Host", b"Expect: 100-continue\r\nHost"), b"abcd"), 2),
        ((b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",), 1),
        ((ONCE.replace(b"Content-Length: 4", b"Content-Length: 4\r\nContent-Length: 5"),), 0),
        ((ONCE.replace(b"Length: 4", b"Length: 99999999999999999999999"),), 0),
        ((ONCE.replace(b"Length: 4", b"Length: 16384") + b"x" * 16_380,), 0),
        ((ONCE.replace(b"Length: 4", b"Length: 16385") + b"x" * 16_381,), 0),
        ((ONCE.replace(b"\r\n", b"\n"),), 0),
        ((b"GET / HTTP/1.0\r\n\r\n",), 0),
        ((b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",), 1),
        ((b"POST /other HTTP/1.0\r\nContent-Length: 4\r\n\r\nabcd",), 0),
        ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",), 0),
        ((b"\x00" * AT_FIRST,), 0),
        ((b"GET / HTTP/1.0\r\n" + b"A: b\r\n" * 9000,), 0),
    ],
    ids=lambda each: None if isinstance(each, int) else repr(b"|".join(each)[:50]),
)
def test_whatever_comes_with_a_connection_is_answered_as_if_it_came_later(
    make_place: Callable[[], Place],
    monkeypatch: pytest.MonkeyPatch,
    pieces: tuple[bytes, ...],
    answers: int,
) -> None:
    def told() -> tuple[bytes, bool]:
        place = make_place()
        for known in (ONCE, CLOSING, STAYING):
            place.answer(place.connect(known), answers=1)
        return place.answer(place.connect(*pieces), answers=answers)

    at_once = told()
    monkeypatch.setattr(guard, "AT_FIRST", 0)
    later = told()

    assert at_once == later
    assert at_once[0].startswith(b"HTTP/1.1 ")


def test_a_client_that_will_send_no_more_is_answered(place: Place) -> None:
    for request in (ONCE, CLOSING, STAYING, STAYING):
        client = place.connect(request)
        client.shutdown(socket.SHUT_WR)

        received, closed = place.answer(client)

        assert received.endswith(answer_to(b"abcd"))
        assert closed


def test_clients_that_are_gone_again_harm_nobody(place: Place) -> None:
    place.answer(place.connect(ONCE))
    for octets in (b"", ONCE, ONCE[:9], STAYING):
        place.connect(octets).close()
        reset = place.connect(octets)
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.close()

    assert place.answer(place.connect(ONCE)) == (ANSWER, True)
    assert until(lambda: place.road.turn() or not place.road.state.connections)


@pytest.mark.parametrize("octets", [b"", b"\r\n", ONCE[:-1], ONCE[:9], STAYING + STAYING[:9]])
def test_a_client_that_does_not_go_on_is_cut_off_in_time(
    place: Place, monkeypatch: pytest.MonkeyPatch, octets: bytes
) -> None:
    place.answer(place.connect(ONCE))
    place.answer(place.connect(STAYING), answers=1)
    monkeypatch.setattr(guard, "REQUEST_SECONDS", 0.0)

    _, closed = place.answer(place.connect(octets))

    assert closed


def test_an_answer_that_finds_no_room_is_sent_on_as_the_client_reads(place: Place) -> None:
    place.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # accepted sockets have it too
    place.road.shared[POSTED] = lambda _: answer_to(b"x" * 400_000)
    place.answer(place.connect(ONCE))

    received, closed = place.answer(place.connect(ONCE))

    assert received.endswith(answer_to(b"x" * 400_000))
    assert closed


def test_many_that_come_together_are_all_answered(place: Place) -> None:
    clients = [place.connect(ONCE) for _ in range(150)]

    assert {place.answer(each) for each in clients} == {(ANSWER, True)}
