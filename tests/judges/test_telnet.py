"""Telnet over TLS, as plain TLS: stunnel with our files before a server that speaks Telnet."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest
from stand_in.lab import CommandLine
from stand_in.peers import free_port, misbehaving, takes_connections
from stand_in.waiting import until

GREETING = b"\xff\xfd\x18\xff\xfb\x01\xff\xfb\x03\r\nWelcome to gw1\r\nUsername: "
"""IAC DO TERMINAL-TYPE, IAC WILL ECHO, IAC WILL SUPPRESS-GO-AHEAD (RFC 854), a login."""


def greet(connection: socket, over: threading.Event) -> None:
    connection.sendall(GREETING)
    connection.settimeout(20)
    while connection.recv(4_096):
        pass


@contextlib.contextmanager
def telnet_over_tls(folder: Path, stem: str, *more: str) -> Iterator[int]:
    """The port of stunnel, which goes on to the Telnet server in clear."""
    own = free_port()
    with misbehaving(greet) as behind:
        lines = [
            "foreground = yes", "pid =", "[telnet]", f"accept = 127.0.0.1:{own}",
            f"connect = 127.0.0.1:{behind}", f"cert = {folder / stem}-fullchain.pem",
            f"key = {folder / stem}.key", *more,
        ]  # fmt: skip
        (folder / "stunnel.conf").write_text("\n".join(lines) + "\n")
        process = subprocess.Popen(
            ["stunnel4", str(folder / "stunnel.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )  # fmt: skip
        try:
            assert until(lambda: takes_connections(own) or process.poll() is not None)
            assert process.poll() is None
            yield own
        finally:
            process.kill()
            process.wait(10)


@pytest.fixture
def lab(sipca: CommandLine, tmp_path: Path) -> Path:
    for name, *more in (
        ("gw1.lab.example", "127.0.0.1", "--profile", "https", "--device", "gw1"),
        ("stranger.lab.example", "--profile", "https"),
        ("operator.lab.example", "--profile", "client"),
    ):
        assert sipca("issue", name, *more, "--out", tmp_path).exit == 0
    assert sipca("device", "set", "gw1", "--address", "127.0.0.1").exit == 0
    return tmp_path


def test_doctor_knows_whose_certificate_a_telnet_server_has(sipca: CommandLine, lab: Path) -> None:
    with telnet_over_tls(lab, "gw1.lab.example") as port:
        good = sipca("doctor", f"127.0.0.1:{port}", "--service", "tls", "--json")
    with telnet_over_tls(lab, "stranger.lab.example") as port:
        bad = sipca("doctor", f"127.0.0.1:{port}", "--service", "tls", "--json")

    assert good.exit == 0, good.out
    assert good.json["peers"][0]["chain"][0]["subject"] == "CN=gw1.lab.example"
    assert bad.exit == 9
    assert "doctor-name" in {each["code"] for each in bad.json["findings"]}


def test_openssl_comes_to_the_login_by_our_root_alone(sipca: CommandLine, lab: Path) -> None:
    def ask(*words: str | Path) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", "-no_ign_eof",
             "-verify_return_error", *words],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False,
        )  # fmt: skip

    with telnet_over_tls(lab, "gw1.lab.example") as port:
        known = ask("-CAfile", lab / "trusted-1-root.pem", "-verify_ip", "127.0.0.1")
        unknown = ask("-no-CAfile", "-no-CApath")

    assert known.returncode == 0, known.stderr
    assert unknown.returncode != 0
    assert b"self-signed certificate in certificate chain" in unknown.stderr or (
        b"unable to get local issuer certificate" in unknown.stderr
    )


def test_a_telnet_server_that_demands_a_certificate_takes_ours_and_none_else(
    sipca: CommandLine, lab: Path
) -> None:
    demands = (f"CAfile = {lab / 'trusted-root.pem'}", "verifyChain = yes")
    client = lab / "operator.lab.example"
    pair = ("--client-cert", f"{client}-fullchain.pem", "--client-key", f"{client}.key")

    with telnet_over_tls(lab, "gw1.lab.example", *demands) as port:
        taken = sipca("doctor", f"127.0.0.1:{port}", "--service", "tls", *pair, "--json")
        without = sipca("doctor", f"127.0.0.1:{port}", "--service", "tls")

    (usual, *_) = taken.json["peers"][0]["handshakes"]
    assert (taken.exit, usual["alert"]) == (0, None), taken.out
    assert "asks for a client certificate" in without.out
    assert "alert 116 certificate_required" in without.out
