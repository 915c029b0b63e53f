"""``pull`` and ``push`` to devices that hang, trickle, answer rubbish or change under the call."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stand_in.device import Device, Refusal, rest_of, sip_of
from stand_in.lab import Answer, CommandLine
from stand_in.peers import misbehaving

from ca.wire import rest

SECRET = "s3cret-of-the-device"
HOST = "127.0.0.74"
"""An address of this machine alone, at which no other test listens."""
Behaviour = Callable[[socket.socket, threading.Event], None]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "TIMEOUT", 1.0)
    monkeypatch.setattr(rest, "WHOLE", 2.0)


@contextlib.contextmanager
def web_page(behave: Behaviour) -> Iterator[int]:
    """The HTTPS port of something that reads one request and then does as it likes."""
    device = Device()

    def serve(connection: socket.socket, over: threading.Event) -> None:
        with device.tls(0).wrap_socket(connection, server_side=True) as secured:
            secured.settimeout(20)
            while b"\r\n\r\n" not in secured.recv(4_096):
                pass
            behave(secured, over)

    with misbehaving(serve) as port:
        yield port


def asked(sipca: CommandLine, port: int, folder: Path, *words: object) -> Answer:
    """``pull`` from a port of this machine."""
    (folder / "password").write_text(SECRET)
    assert sipca("device", "set", "sbc1", "--address", "127.0.0.1").exit == 0
    return sipca(
        "pull", "sbc1", "--address", f"127.0.0.1:{port}", "--insecure", "--password-file",
        folder / "password", *words,
    )  # fmt: skip


def answering(head: str, body: bytes = b"") -> Behaviour:
    def behave(connection: socket.socket, over: threading.Event) -> None:
        length = f"Content-Length: {len(body)}\r\n" if body else "Content-Length: 0\r\n"
        connection.sendall(f"HTTP/1.1 {head}\r\n{length}\r\n".encode() + body)

    return behave


def silent(connection: socket.socket, over: threading.Event) -> None:
    over.wait(20)


def trickling(start: bytes) -> Behaviour:
    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(start)
        while not over.wait(0.3):
            connection.sendall(b"x")

    return behave


def endless(start: bytes, piece: bytes) -> Behaviour:
    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(start)
        while not over.is_set():
            connection.sendall(piece)

    return behave


def cut_short(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
HTML = b"<!doctype html><title>Sign in</title>" + b"<p>hello</p>" * 500


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (silent, "does not answer GET /api/v1/status in time"),
        (trickling(OK), "does not answer GET /api/v1/status in time"),
        (trickling(b"HTTP/1.1 200 OK\r\nX-Long: "), "does not answer GET /api/v1/status in time"),
        (endless(OK, bytes(65_536)), "its answer to GET /api/v1/status does not end"),
        (endless(b"HTTP/1.1 200 OK\r\n", b"X-More: yes\r\n" * 999), "127.0.0.1 cannot be asked"),
        (endless(b"", b"\x00\xff garbage" * 99), "127.0.0.1 cannot be asked"),
        (cut_short, "127.0.0.1 cannot be asked"),
        (answering("301 Moved\r\nLocation: https://127.0.0.1/login"), "/status with 301"),
        (answering("500 Oops", b'{"description": "out of memory"}'), "with 500: out of memory"),
        (answering("503 \x1b[31mred", b'{"description": "\x1b[2J"}'), "with 503"),
        (answering("200 OK\r\nContent-Type: text/html", HTML), "is not the documented REST"),
        (answering("200 OK", b"[" * 100_000), "is not the documented REST interface"),
        (answering("200 OK", b'{"versionID": "\xff\xfe"}'), "is not the documented REST interface"),
    ],
    ids=["silent", "slow-body", "slow-head", "endless-body", "endless-head", "garbage", "cut",
         "301", "500", "503", "html", "deep", "no-utf-8"],
)  # fmt: skip
def test_whatever_a_web_page_answers_the_call_ends_with_a_sentence(
    sipca: CommandLine, tmp_path: Path, behave: Behaviour, words: str
) -> None:
    started = time.monotonic()

    with web_page(behave) as port:
        answer = asked(sipca, port, tmp_path, "--debug", "--yes", "-o", tmp_path / "sbc1.csr")
    took = time.monotonic() - started

    assert answer.exit == 10, answer.err
    assert words in answer.err
    assert took < 15
    assert SECRET not in answer.err + answer.out
    assert "\x1b" not in answer.err
    assert not (tmp_path / "sbc1.csr").exists()


def test_a_handshake_of_an_octet_a_second_is_given_up_in_time(
    sipca: CommandLine, tmp_path: Path
) -> None:
    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00")
        while not over.wait(0.3):
            connection.sendall(b"\x02")

    with misbehaving(behave) as port:
        answer = asked(sipca, port, tmp_path)

    assert answer.exit == 10
    assert "127.0.0.1 does not answer GET /api/v1/status in time" in answer.err


class Pairing:
    """A device with a signed certificate that waits to be pushed."""

    def __init__(self, sipca: CommandLine, device: Device, folder: Path, at: str) -> None:
        self.sipca, self.device = sipca, device
        (folder / "password").write_text(SECRET)
        self.options = (
            "--address", at, "--password-file", folder / "password", "--insecure", "--context", "1",
        )  # fmt: skip
        csr = folder / "sbc1.csr"
        assert sipca("device", "set", "sbc1", "--address", HOST).exit == 0
        assert (
            sipca("pull", "sbc1", *self.options, "--yes", "--key", "rsa:2048", "-o", csr).exit == 0
        )
        words = ("--device", "sbc1", "--context", "1", "--san", f"ip:{HOST}", "--out", folder / "o")
        assert sipca("sign", csr, *words).exit == 0

    def push(self) -> Answer:
        return self.sipca("push", "sbc1", *self.options, "--yes", "--json")


@pytest.fixture
def pairing(sipca: CommandLine, tmp_path: Path) -> Iterator[Pairing]:
    device = Device(password=SECRET)
    with rest_of(device, host=HOST) as port, sip_of(device, 1, host=HOST, port=5061):
        yield Pairing(sipca, device, tmp_path, f"{HOST}:{port}")


def states(answer: Answer) -> list[tuple[str, str]]:
    return [(each["step"], each["state"]) for each in answer.json["devices"][0]["steps"]]


def test_a_certificate_that_another_hand_replaces_meanwhile_is_not_saved_as_ours(
    pairing: Pairing, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = pairing.device.put

    def put(path: str, body: bytes) -> str:
        said = plain(path, body)
        if path.endswith("certificate"):
            context = pairing.device.contexts[1]
            context.certificate = pairing.device.self_signed(context.key, {})
        return said

    monkeypatch.setattr(pairing.device, "put", put)

    answer = pairing.push()

    assert answer.exit == 9, answer.out
    assert "and has another one now: somebody else changes it" in answer.out
    assert states(answer)[-2:] == [("failed", "failed"), ("save", "skipped")]
    assert pairing.device.saved == 0


def test_a_device_that_fails_halfway_says_what_was_done_and_the_next_call_goes_on(
    pairing: Pairing, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = pairing.device.put

    def put(path: str, body: bytes) -> str:
        if path.endswith("certificate"):
            raise Refusal(500, "flash is full")
        return plain(path, body)

    monkeypatch.setattr(pairing.device, "put", put)

    halfway = pairing.push()
    monkeypatch.undo()
    then = pairing.push()

    assert halfway.exit == 9, halfway.out
    assert states(halfway) == [
        ("trust", "done"), ("trust", "done"), ("failed", "failed"), ("save", "skipped"),
    ]  # fmt: skip
    assert "not saved: a restart takes back what was loaded" in halfway.out
    assert "with 500: flash is full" in halfway.out
    assert pairing.device.saved == 1
    assert then.exit == 0, then.out
    assert states(then)[0] == ("trust", "unchanged")


def test_two_pushes_at_once_leave_the_device_as_one_would(pairing: Pairing) -> None:
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(pairing.push())) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(each.exit for each in answers) == [0, 0], [each.out for each in answers]
    store = pairing.device.contexts[1].trusted
    assert len(set(store)) == 2
    assert pairing.device.contexts[1].key_is_valid
