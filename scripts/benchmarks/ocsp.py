"""The responder over HTTP, beside nginx, the rate in process, and ``openssl ocsp -port``."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from ca.authority.founding.init import create_ca
from ca.authority.founding.wishes import FoundingWishes
from ca.authority.home import Environment, no_passphrase, open_home
from ca.authority.status.ocsp import Register
from ca.authority.status.presign import presign
from ca.encoding.der import OCTET_STRING, encode_oid, sequence, tlv
from ca.encoding.pem import encode
from ca.revocation.ocsp import cert_id, request_for
from ca.store import ocsp_signers
from scripts.benchmarks.measure import Row, interleaved

AROUND = Environment(passphrase=no_passphrase)
SHA1 = "1.3.14.3.2.26"
NONCE = sequence(
    encode_oid("1.3.6.1.5.5.7.48.1.2"), tlv(OCTET_STRING, tlv(OCTET_STRING, b"n" * 16))
)
SERVER_CORE, CLIENT_CORE = "0", "1"
SECONDS = 3


def measure(folder: Path) -> Iterator[Row]:
    """With signers of P-256 and of RSA-2048."""
    for kind in ("ec:p256", "rsa:2048"):
        yield from _measure(folder / kind.replace(":", "-"), kind)


def _measure(folder: Path, kind: str) -> Iterator[Row]:
    home = folder / "home"
    create_ca(
        home, FoundingWishes(name="Bench", protect="none", root_key=kind, issuing_key=kind), AROUND
    )
    with open_home(home, AROUND) as opened:
        register = Register(opened)
        responder = register.responders[1]
        facts = opened.ca("issuing").issuer.facts
        held = ocsp_signers.in_force(opened.store, opened.ca("issuing").issuer.id, opened.now())
        assert facts is not None
        assert held is not None
        serial = int.from_bytes(_serial_of(held.der), "big")
        presign(opened, folder / "static", lifetime=timedelta(days=7))
        (folder / "issuing.pem").write_text(encode(facts.der))
        (folder / "signer.pem").write_text(encode(held.der))
        (folder / "signer.key").write_text(encode(held.pkcs8, "PRIVATE KEY"))
    issuing = cert_id(register.responders[0], SHA1, int(facts.serial, 16), with_null=True)
    plain = request_for(issuing)  # presigned: the root answers for the issuing CA
    asked = cert_id(responder, SHA1, serial, with_null=True)
    live = sequence(sequence(sequence(sequence(asked)), tlv(0xA2, sequence(NONCE))))
    (folder / "index.txt").write_text(f"V\t361123000000Z\t\t{serial:032X}\tunknown\t/CN=signer\n")
    path = b64encode(plain).decode()
    with _sipca(home) as port, nginx(folder) as static, _openssl(folder) as peer:
        rates = interleaved(
            3,
            ours=lambda: wrk(f"http://127.0.0.1:{port}/{path}"),
            nginx=lambda: wrk(f"http://127.0.0.1:{static}/{path}"),
            live=lambda: wrk(f"http://127.0.0.1:{port}/", _lua(folder, live)),
            process=lambda: _in_process(home, live),
            serial_ours=lambda: _serial_rate(port, live),
            serial_theirs=lambda: _serial_rate(peer, live),
        )
    yield Row(
        f"OCSP {kind}: presigned by GET beside nginx, 16 connections",
        rates["ours"],
        rates["nginx"],
        "/s",
        0.4,
        "at least",
    )
    yield Row(
        f"OCSP {kind}: live by POST, 16 connections, beside in process",
        rates["live"],
        rates["process"],
        "/s",
        0.4,
        "at least",
    )
    yield Row(
        f"OCSP {kind}: live, one serial client, beside openssl ocsp",
        rates["serial_ours"],
        rates["serial_theirs"],
        "/s",
        0.95,
        "at least",
    )


def _serial_of(der: bytes) -> bytes:
    from ca.encoding.certificates import read_certificate

    return bytes.fromhex(read_certificate(der).serial)


def _lua(folder: Path, body: bytes) -> Path:
    escaped = "".join(f"\\{octet:03d}" for octet in body)
    path = folder / "post.lua"
    path.write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/ocsp-request"\n'
        f'wrk.body = "{escaped}"\n'
    )
    return path


def wrk(url: str, script: Path | None = None) -> float:
    """Requests a second of 16 connections."""
    words = ["taskset", "-c", CLIENT_CORE, "wrk", "-t1", "-c16", f"-d{SECONDS}s"]
    words += ["-s", str(script)] if script else []
    said = subprocess.run([*words, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise RuntimeError(said)
    return float(re.findall(r"Requests/sec:\s+([0-9.]+)", said)[0])


def _in_process(home: Path, request: bytes) -> float:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from ca.authority.home import Environment, no_passphrase, open_home\n"
        "from ca.authority.status.ocsp import Register\n"
        "with open_home(Path(sys.argv[1]), Environment(passphrase=no_passphrase)) as home:\n"
        "    register, request, count = Register(home), bytes.fromhex(sys.argv[2]), 0\n"
        "    end = time.perf_counter() + 2\n"
        "    while time.perf_counter() < end:\n"
        "        register.answer(request); count += 1\n"
        "print(count / 2)\n"
    )
    words = ["taskset", "-c", SERVER_CORE, sys.executable, "-c", script, str(home), request.hex()]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def _serial_rate(port: int, body: bytes) -> float:
    """Requests a second of one client that connects anew for each."""
    head = f"POST / HTTP/1.0\r\nContent-Type: application/ocsp-request\r\nContent-Length: {len(body)}\r\n\r\n"
    octets = head.encode() + body
    count, end = 0, time.perf_counter() + SECONDS
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(CLIENT_CORE)})
    try:
        while time.perf_counter() < end:
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                connection.sendall(octets)
                received = connection.recv(65536)
                while not _whole(received):
                    received += connection.recv(65536)
            if b" 200 " not in received[:20]:
                raise RuntimeError(received[:200])
            count += 1
    finally:
        os.sched_setaffinity(0, before)
    return count / SECONDS


def _whole(reply: bytes) -> bool:
    head, _, body = reply.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: ([0-9]+)", head)
    return length is not None and len(body) >= int(length[1])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _running(words: list[str], port: int, env: dict[str, str] | None = None) -> Iterator[int]:
    process = subprocess.Popen(
        ["taskset", "-c", SERVER_CORE, *words],
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(2)  # no probing: openssl ocsp hangs for good after an empty connection
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def _sipca(home: Path) -> Iterator[int]:
    port = _free_port()
    words = [
        sys.executable,
        "-c",
        "from cli.main import main; main()",
        "serve",
        "--home",
        str(home),
    ]
    with _running([*words, "--ocsp-port", str(port), "--http-port", "0"], port):
        yield port


@contextlib.contextmanager
def _openssl(folder: Path) -> Iterator[int]:
    port = _free_port()
    words = ["openssl", "ocsp", "-port", str(port), "-index", f"{folder}/index.txt"]
    words += ["-CA", f"{folder}/issuing.pem", "-rsigner", f"{folder}/signer.pem"]
    words += ["-rkey", f"{folder}/signer.key", "-nmin", "60", "-ignore_err"]
    with _running(words, port):
        yield port


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[int]:
    """nginx on the server's core with the answers in the folder ``static``."""
    port = _free_port()
    temp = "\n".join(
        f"{each}_temp_path {folder}/{each};"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;"
        f"events {{}} http {{ access_log off; sendfile on; keepalive_requests 1000000000; {temp}"
        f"server {{ listen 127.0.0.1:{port}; include {folder}/static/nginx.conf; }} }}"
    )
    with _running(["nginx", "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"], port):
        yield port
