"""``sipca serve`` under slow, oversized and malformed requests, locks, changes and signals."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import select
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509 import ocsp
from stand_in.lab import CommandLine, make_csr
from stand_in.service import Service, ocsp_get, ocsp_request, serving
from stand_in.waiting import LONGEST, until

from ca.authority.home import Environment, no_passphrase
from ca.authority.status.ocsp import Register
from ca.service import register
from ca.service.guard import REQUEST_SECONDS
from ca.service.register import ServedRegister
from ca.service.register_file import Following

MALFORMED = bytes.fromhex("30030a0101")


@pytest.fixture
def lab(sipca: CommandLine, tmp_path: Path) -> CommandLine:
    (tmp_path / "sbc1.csr").write_bytes(make_csr(cn="sbc1.lab.example"))
    assert sipca("sign", tmp_path / "sbc1.csr", "--out", tmp_path).exit == 0
    return sipca


@pytest.fixture
def service(lab: CommandLine, tmp_path: Path) -> Iterator[Service]:
    with serving(lab.home, tmp_path / "serve.log") as running:
        yield running


def posted(body: bytes, *, version: str = "1.0", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"POST / HTTP/{version}\r\nHost: x\r\nContent-Length: {size}\r\n"
    return f"{head}Content-Type: application/ocsp-request\r\n\r\n".encode() + body


def body_of(reply: bytes) -> bytes:
    return reply.partition(b"\r\n\r\n")[2]


def status_of(reply: bytes) -> str:
    return ocsp.load_der_ocsp_response(body_of(reply)).certificate_status.name


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_every_reply_has_its_length_and_type_also_for_http_1_0(
    service: Service, tmp_path: Path, version: str
) -> None:
    der = ocsp_request(tmp_path)
    for octets in (
        posted(der, version=version),
        ocsp_get(der, version=version),
        ocsp_get(der, version=version),
    ):
        reply = service.raw(octets, wait=1 if version == "1.1" else 5)
        head, _, body = reply.partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 200 OK")
        assert b"content-type: application/ocsp-response" in head
        assert f"content-length: {len(body)}".encode() in head
        assert status_of(reply) == "GOOD"
        if version == "1.0":
            assert b"connection: close" in head


def test_an_answer_without_nonce_may_be_kept_and_one_with_it_may_not(
    service: Service, tmp_path: Path
) -> None:
    plain = service.raw(ocsp_get(ocsp_request(tmp_path)))
    nonced = service.raw(ocsp_get(ocsp_request(tmp_path, b"n" * 16)))

    assert re.search(rb"cache-control: max-age=[0-9]+, public, no-transform", plain)
    assert b"\r\netag: " in plain
    assert b"\r\nexpires: " in plain
    assert b"cache-control: no-store" in nonced


def test_an_answer_is_given_again_at_once_and_signed_once(service: Service, tmp_path: Path) -> None:
    replies = {body_of(service.raw(ocsp_get(ocsp_request(tmp_path)))) for _ in range(5)}

    assert len(replies) == 1


def test_pipelined_and_kept_alive_requests_are_answered_in_order(
    service: Service, tmp_path: Path
) -> None:
    der = ocsp_request(tmp_path)
    service.raw(ocsp_get(der))
    healthy = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    octets = ocsp_get(der, close=False) * 2 + healthy + ocsp_get(der, close=False) + ocsp_get(der)

    reply = service.raw(octets)

    types = re.findall(rb"content-type: (\S+)", reply)
    ocsp_type, json_type = b"application/ocsp-response", b"application/json"
    assert types == [ocsp_type, ocsp_type, json_type, ocsp_type, ocsp_type]


def test_a_revocation_by_another_process_is_seen_by_a_running_server(
    lab: CommandLine, service: Service, tmp_path: Path
) -> None:
    der = ocsp_request(tmp_path)
    assert status_of(service.raw(ocsp_get(der))) == "GOOD"
    old_crl = service.raw(b"GET /crl/issuing.crl HTTP/1.0\r\n\r\n")

    assert lab("revoke", "sbc1.lab.example").exit == 0

    assert until(lambda: status_of(service.raw(ocsp_get(der))) == "REVOKED")
    assert status_of(service.raw(posted(der))) == "REVOKED"
    assert service.raw(b"GET /crl/issuing.crl HTTP/1.0\r\n\r\n") != old_crl


def test_a_new_signer_is_taken_up_by_a_running_server(
    lab: CommandLine, service: Service, tmp_path: Path
) -> None:
    def signer() -> bytes:
        response = ocsp.load_der_ocsp_response(
            body_of(service.raw(ocsp_get(ocsp_request(tmp_path))))
        )
        return response.certificates[0].serial_number.to_bytes(16, "big")

    before = signer()
    assert lab("ocsp", "rotate").exit == 0

    assert until(lambda: signer() != before)


@pytest.mark.parametrize(
    ("octets", "code", "body"),
    [
        (posted(b"rubbish"), 200, MALFORMED),
        (posted(b""), 200, MALFORMED),
        (posted(b"x" * 20_000), 413, b"an OCSP request has at most 16384 octets\n"),
        (posted(b"x", length=10**12), 413, None),
        (b"POST /elsewhere HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", 404, None),
        (b"GET / HTTP/1.0\r\n\r\n", 200, None),
        (b"GET /M%%% HTTP/1.0\r\n\r\n", 404, None),
        (b"GET /MAAA HTTP/1.0\r\n\r\n", 200, MALFORMED),
        (b"GET /crl/nobody.crl HTTP/1.0\r\n\r\n", 404, None),
        (b"GET /ca/..%2f..%2fca.db.cer HTTP/1.0\r\n\r\n", 404, None),
        (b"GET /../ca.db HTTP/1.0\r\n\r\n", 404, None),
        (b"PUT / HTTP/1.0\r\nContent-Length: 0\r\n\r\n", 405, None),
        (b"DELETE /crl/issuing.crl HTTP/1.0\r\n\r\n", 405, None),
        (b"HEAD /healthz HTTP/1.0\r\n\r\n", 200, b""),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400, None),
        (b"GET / HTTP/9.9\r\n\r\n", 400, None),
        (b"GET /" + b"A" * 60_000 + b" HTTP/1.0\r\n\r\n", 400, None),
        (b"GET / HTTP/1.0\r\n" + b"X: y\r\n" * 9000 + b"\r\n", 400, None),
    ],
)
def test_bad_requests_are_answered_and_harm_nobody(
    service: Service, tmp_path: Path, octets: bytes, code: int, body: bytes | None
) -> None:
    if code == 413 and body is None:
        octets += b"x" * 40_000

    reply = service.raw(octets, wait=3)

    assert reply.startswith(f"HTTP/1.1 {code} ".encode()), reply[:200]
    if body is not None:
        assert body_of(reply) == body
    assert b"Traceback" not in reply
    assert status_of(service.raw(ocsp_get(ocsp_request(tmp_path)))) == "GOOD"


def test_slow_clients_are_cut_off_and_do_not_hold_up_others(
    service: Service, tmp_path: Path
) -> None:
    started = time.monotonic()
    slow = [socket.create_connection(("127.0.0.1", service.ocsp_port)) for _ in range(60)]
    for number, connection in enumerate(slow):
        connection.sendall(
            (b"POST / HTTP/1.1\r\nContent-Length: 90\r\n\r\nx", b"GET /M", b"")[number % 3]
        )
    assert status_of(service.raw(ocsp_get(ocsp_request(tmp_path)))) == "GOOD"
    others = select.select(slow, [], [], 0)[0]  # which of them have been closed, or told why

    for connection in slow:
        connection.settimeout(LONGEST)
        while connection.recv(4096):  # ends: the server closes it
            pass
        connection.close()
    assert others == []
    assert time.monotonic() - started >= REQUEST_SECONDS


def test_it_answers_while_the_register_is_locked_and_recovers(
    lab: CommandLine, service: Service, tmp_path: Path
) -> None:
    from ca.store.connection import open_store

    known, new = ocsp_request(tmp_path), ocsp_request(tmp_path, b"n" * 8)
    service.raw(ocsp_get(known))
    with open_store(lab.home / "ca.db") as other, other.write() as connection:
        connection.execute("UPDATE setting SET value = value")
        for der in (known, new):
            assert status_of(service.raw(ocsp_get(der))) == "GOOD"
        assert service.raw(b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")

    assert status_of(service.raw(ocsp_get(new))) == "GOOD"


@contextlib.contextmanager
def served_here(home: Path) -> Iterator[ServedRegister]:
    following = Following(home, Environment(passphrase=no_passphrase))
    try:
        yield ServedRegister(following)
    finally:
        following.close()


def test_an_answer_is_given_again_for_five_minutes_by_the_clock_that_is_handed_in(
    lab: CommandLine, tmp_path: Path
) -> None:
    moment = [datetime.now(UTC)]
    environment = Environment(passphrase=no_passphrase, clock=lambda: moment[0])
    following = Following(lab.home, environment)
    with contextlib.closing(following):
        served, der = ServedRegister(following), ocsp_request(tmp_path)
        path = b"/" + base64.b64encode(der)
        served.got(path, der)
        moment[0] += timedelta(seconds=register.FRESH_SECONDS - 1)
        fresh = served.at_once(path)
        moment[0] += timedelta(seconds=1)
        stale = served.at_once(path)

    assert fresh is not None
    assert stale is None


def test_what_is_known_is_answered_though_the_register_is_locked(
    lab: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    der = ocsp_request(tmp_path)
    with served_here(lab.home) as served:
        monkeypatch.setattr(register, "FRESH_SECONDS", 0)
        good = served.ocsp(der)
        monkeypatch.setattr(Register, "answer", locked)
        stale = served.ocsp(der)
        unknown = served.ocsp(ocsp_request(tmp_path, b"n"))

    assert stale == good
    assert unknown.body == bytes.fromhex("30030a0103"), "tryLater"


def test_nothing_known_is_answered_from_a_register_that_is_damaged(
    lab: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    der = ocsp_request(tmp_path)
    with served_here(lab.home) as served:
        monkeypatch.setattr(register, "FRESH_SECONDS", 0)
        served.ocsp(der)
        with closing(sqlite3.connect(lab.home / "ca.db")) as other:
            other.execute("DROP TABLE status_event")
        damaged = served.ocsp(der)

    assert damaged.body == bytes.fromhex("30030a0103"), "tryLater"


def test_health_fails_thirty_days_before_a_crl_ends_and_the_log_warns(
    lab: CommandLine, tmp_path: Path
) -> None:
    assert lab("crl", "--refresh", "--lifetime", "29d").exit == 0

    with serving(lab.home, tmp_path / "log") as service:
        reply = service.raw(b"GET /healthz HTTP/1.0\r\n\r\n")
        said = service.said()

    found = json.loads(body_of(reply))
    assert reply.startswith(b"HTTP/1.1 503 ")
    assert found["status"] == "failing"
    assert [each["code"] for each in found["findings"]] == ["crl-ending"]
    assert "WARNING: Test Lab Issuing: its CRL has 29 d left; sipca crl" in said


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_workers_end_with_their_parent_however_it_ends(
    lab: CommandLine, tmp_path: Path, number: int
) -> None:
    with serving(lab.home, tmp_path / "log", "--workers", "2") as service:
        workers = _children(service.process.pid)
        assert len(workers) >= 2

        service.stop(number)

        until(lambda: not any(Path(f"/proc/{each}").exists() for each in workers))
        left = [each for each in workers if Path(f"/proc/{each}").exists()]
        said = service.said()
        for each in left:
            os.kill(each, signal.SIGKILL)
    assert left == []
    assert "Traceback" not in said
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", service.ocsp_port), 1)


def _children(pid: int) -> list[int]:
    return [
        int(word)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for word in (task / "children").read_text().split()
    ]


def test_two_workers_answer_from_two_processes(lab: CommandLine, tmp_path: Path) -> None:
    with serving(lab.home, tmp_path / "log", "--workers", "2") as service:
        children = subprocess.run(
            ["pgrep", "-P", str(service.process.pid)], capture_output=True, text=True
        ).stdout.split()
        replies = [status_of(service.raw(posted(ocsp_request(tmp_path)))) for _ in range(20)]
        assert lab("revoke", "sbc1.lab.example").exit == 0
        both_know = until(
            lambda: (
                {status_of(service.raw(posted(ocsp_request(tmp_path)))) for _ in range(20)}
                == {"REVOKED"}
            )
        )

    assert len(children) >= 2
    assert set(replies) == {"GOOD"}
    assert both_know


def test_requests_from_many_at_once_are_all_answered(service: Service, tmp_path: Path) -> None:
    found: list[str] = []

    def ask(number: int) -> None:
        found.append(
            status_of(service.raw(posted(ocsp_request(tmp_path, bytes([number + 1]) * 8))))
        )

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == ["GOOD"] * 40
