"""``serve``: how it starts, what it prints, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.x509 import ocsp
from stand_in.lab import PASSPHRASE, CommandLine, make_csr
from stand_in.service import Service, ocsp_get, ocsp_request, serving


@pytest.fixture
def lab(sipca: CommandLine, tmp_path: Path) -> CommandLine:
    (tmp_path / "sbc1.csr").write_bytes(make_csr(cn="sbc1.lab.example"))
    assert sipca("sign", tmp_path / "sbc1.csr", "--out", tmp_path).exit == 0
    return sipca


@pytest.fixture
def service(lab: CommandLine, tmp_path: Path) -> Iterator[Service]:
    with serving(lab.home, tmp_path / "serve.log") as running:
        yield running


def body_of(reply: bytes) -> bytes:
    return reply.partition(b"\r\n\r\n")[2]


def status_of(reply: bytes) -> str:
    return ocsp.load_der_ocsp_response(body_of(reply)).certificate_status.name


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_ends_cleanly_on_a_signal(
    lab: CommandLine, tmp_path: Path, number: int, workers: str
) -> None:
    with serving(lab.home, tmp_path / "log", "--workers", workers) as service:
        assert status_of(service.raw(ocsp_get(ocsp_request(tmp_path)))) == "GOOD"
        code = service.stop(number)
        said = service.said()

    assert code == 0, said
    assert "Traceback" not in said


def test_it_needs_no_passphrase_and_opens_no_ca_key(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    bare("init", "--name", "Locked", "--root-key", "ec:p256", "--issuing-key", "ec:p256")
    (tmp_path / "sbc1.csr").write_bytes(make_csr(cn="sbc1.lab.example"))
    assert bare("sign", tmp_path / "sbc1.csr", "--out", tmp_path).exit == 0
    monkeypatch.delenv("SIPCA_PASSPHRASE")

    with serving(bare.home, tmp_path / "log") as service:
        assert status_of(service.raw(ocsp_get(ocsp_request(tmp_path)))) == "GOOD"


def test_a_taken_port_is_named(lab: CommandLine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = lab("serve", "--ocsp-port", port)

    assert answer.exit == 6
    assert f"port {port} of 127.0.0.1 is taken" in answer.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--bind", "localhost"), 2, "is no IP address"),
        (("--bind", "192.0.2.1"), 8, "cannot listen on port"),
        (("--workers", "0"), 2, "--workers"),
        (("--ocsp-port", "99999"), 2, "--ocsp-port"),
    ],
)
def test_where_it_cannot_listen_is_named(
    lab: CommandLine, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = lab("serve", *words)

    assert answer.exit == code
    assert said in answer.err


def test_without_the_extra_there_is_a_hint(lab: CommandLine) -> None:
    script = "import sys; sys.modules['uvicorn'] = None; from cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "serve", "--home", str(lab.home)],
        env=os.environ | {"PYTHONPATH": os.getcwd()}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode == 2
    assert "install it as '.[serve]' with pipx, uv tool or pip" in done.stderr


def test_it_says_who_can_reach_it_and_what_the_devices_fields_take(
    lab: CommandLine, tmp_path: Path
) -> None:
    with serving(lab.home, tmp_path / "log") as service:
        assert "no device can reach this (loopback)" in service.said()
    with serving(lab.home, tmp_path / "log", "--bind", "0.0.0.0") as service:
        said = service.said()

    assert f"OCSP Port: {service.ocsp_port}" in said
    assert "Primary OCSP Server: this machine's address" in said
    assert "inferred" in said
