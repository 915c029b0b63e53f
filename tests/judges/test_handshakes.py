"""Two signed devices speak mutual TLS on loopback: openssl with openssl, curl with openssl."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from stand_in.lab import CommandLine, make_csr
from stand_in.waiting import until


@pytest.fixture
def devices(sipca: CommandLine, tmp_path: Path) -> Path:
    """A folder with keys and signed certificates of two SBCs and a server-only peer."""
    keys = {
        "sbc1": rsa.generate_private_key(65537, 2048),
        "sbc2": ec.generate_private_key(ec.SECP256R1()),
        "teams": ec.generate_private_key(ec.SECP256R1()),
    }
    for stem, key in keys.items():
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / f"{stem}.key").write_bytes(pem)
        csr = make_csr(f"dns:{stem}.lab.example", "ip:127.0.0.1", cn=f"{stem}.lab.example", key=key)
        (tmp_path / f"{stem}.csr").write_bytes(csr)
        profile = "sip-server" if stem == "teams" else "sip"
        answer = sipca(
            "sign", tmp_path / f"{stem}.csr", "--profile", profile, "--out", tmp_path, "--fullchain"
        )
        assert answer.exit == 0, answer.err
    return tmp_path


@contextlib.contextmanager
def serving(folder: Path, stem: str, *extra: str) -> Iterator[int]:
    """``openssl s_server`` of one device, demanding a client certificate; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        "openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", f"{stem}-device.pem", "-key", f"{stem}.key",
        "-cert_chain", "trusted-2-issuing.pem", "-CAfile", "trusted-root.pem", "-Verify", "3",
        "-verify_return_error", "-quiet", *extra,
    ]  # fmt: skip
    server = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert until(lambda: takes_connections(port))
        yield port
    finally:
        server.kill()
        server.communicate(timeout=10)


def takes_connections(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def connect(folder: Path, stem: str, port: int, name: str) -> subprocess.CompletedProcess[str]:
    """``openssl s_client`` of one device, checking chain and name."""
    return subprocess.run(
        [
            "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-cert", f"{stem}-device.pem", "-key", f"{stem}.key",
            "-cert_chain", "trusted-2-issuing.pem", "-CAfile", "trusted-1-root.pem", "-verify_return_error",
            "-verify_hostname", name, "-x509_strict", "-purpose", "sslserver", "-brief", "-ign_eof",
        ],
        cwd=folder, input="GET / HTTP/1.0\r\n\r\n", capture_output=True, text=True, timeout=20,
    )  # fmt: skip


def curl(folder: Path, stem: str | None, port: int, name: str) -> subprocess.CompletedProcess[str]:
    client = [] if stem is None else ["--cert", f"{stem}-fullchain.pem", "--key", f"{stem}.key"]
    return subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "15", "--noproxy", "*", "--cacert", "trusted-1-root.pem", *client,
         "--resolve", f"{name}:{port}:127.0.0.1", f"https://{name}:{port}/"],
        cwd=folder, capture_output=True, text=True, timeout=20,
    )  # fmt: skip


def test_two_devices_shake_hands_both_ways_with_openssl(devices: Path) -> None:
    for server, client in (("sbc1", "sbc2"), ("sbc2", "sbc1")):
        with serving(devices, server, "-www") as port:
            done = connect(devices, client, port, f"{server}.lab.example")

        assert "Verification: OK" in done.stderr, done.stderr
        assert (
            f"CN = {server}.lab.example" in done.stderr or f"CN={server}.lab.example" in done.stderr
        )


def test_a_name_that_was_not_certified_is_refused(devices: Path) -> None:
    with serving(devices, "sbc1", "-www") as port:
        done = connect(devices, "sbc2", port, "other.lab.example")

    assert "Verification: OK" not in done.stderr
    assert "ostname mismatch" in done.stderr


def test_curl_with_a_client_certificate_gets_the_page_by_name_and_by_address(devices: Path) -> None:
    with serving(devices, "sbc1", "-www") as port:
        by_name = curl(devices, "sbc2", port, "sbc1.lab.example")
        by_address = subprocess.run(
            ["curl", "--silent", "--show-error", "--max-time", "15", "--noproxy", "*", "--cacert", "trusted-1-root.pem",
             "--cert", "sbc2-fullchain.pem", "--key", "sbc2.key", f"https://127.0.0.1:{port}/"],
            cwd=devices, capture_output=True, text=True, timeout=20,
        )  # fmt: skip

    assert "s_server" in by_name.stdout, by_name.stderr
    assert "s_server" in by_address.stdout, by_address.stderr


def test_no_client_certificate_and_a_server_only_one_are_refused(devices: Path) -> None:
    with serving(devices, "sbc1", "-www", "-purpose", "sslclient") as port:
        without = curl(devices, None, port, "sbc1.lab.example")
        server_only = curl(devices, "teams", port, "sbc1.lab.example")

    assert without.returncode != 0
    assert server_only.returncode != 0


def test_a_server_only_peer_is_a_good_server(devices: Path) -> None:
    with serving(devices, "teams", "-www") as port:
        done = connect(devices, "sbc1", port, "teams.lab.example")

    assert "Verification: OK" in done.stderr, done.stderr
