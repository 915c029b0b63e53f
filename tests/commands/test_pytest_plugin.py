"""The pytest fixtures, used by a project of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SAMPLE = """
import socket, ssl, threading


def test_mutual_tls(sipca_issue, sipca_home):
    server, client = sipca_issue("localhost", "127.0.0.1"), sipca_issue("peer.lab.example")
    contexts = []
    for side, protocol in ((server, ssl.PROTOCOL_TLS_SERVER), (client, ssl.PROTOCOL_TLS_CLIENT)):
        context = ssl.SSLContext(protocol)
        side.configure(context)
        sipca_home.configure_trust(context)
        contexts.append(context)
    contexts[0].verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contexts[0].wrap_socket(listener.accept()[0], server_side=True) as one:
            one.sendall(str(one.getpeercert()["subjectAltName"]).encode())

    thread = threading.Thread(target=serve)
    thread.start()
    with socket.create_connection(listener.getsockname()) as raw:
        with contexts[1].wrap_socket(raw, server_hostname="localhost") as two:
            assert b"peer.lab.example" in two.recv(1000)
    thread.join()


def test_three_lines(sipca_issue):
    sbc = sipca_issue("sbc1.lab.example", "10.0.0.5", profile="sip")
    assert sbc.certificate.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert sbc.key.stat().st_mode & 0o077 == 0
"""


def test_a_project_of_its_own_uses_the_pytest_fixtures(tmp_path: Path) -> None:
    """In a process and folder of its own; pytest finds the plugin by its entry point."""
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    program = shutil.which("pytest")
    assert program is not None

    done = subprocess.run(
        [program, "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
