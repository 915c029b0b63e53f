"""``env`` and ``schema``: what scripts ask for."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from stand_in.lab import CommandLine


@pytest.fixture
def odd(tmp_path: Path) -> CommandLine:
    """A home whose path has everything that shells trip over."""
    sipca = CommandLine(tmp_path / 'o\'dd $HOME "x" `id`')
    assert (
        sipca("init", "--no-passphrase", "--root-key", "ec:p256", "--issuing-key", "ec:p256").exit
        == 0
    )
    return sipca


def test_sh_reads_the_variables_whatever_is_in_the_path(odd: CommandLine) -> None:
    text = odd("env").out

    done = subprocess.run(
        ["sh", "-c", f'{text}printf "%s\\n" "$SIPCA_HOME" "$SIPCA_ROOT" "$SIPCA_CHAIN" "$SIPCA_CRL"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    home, root, chain, crl = done.stdout.splitlines()
    assert home == str(odd.home)
    assert Path(root).read_text() == odd("chain", "--parts", "root").out
    assert Path(chain).read_text() == odd("chain").out
    assert Path(crl).read_text() == odd("crl").out
    verified = subprocess.run(["openssl", "verify", "-CAfile", root, chain], capture_output=True)
    assert verified.returncode == 0


def test_pwsh_and_dotenv_are_quoted_in_their_own_ways(odd: CommandLine) -> None:
    pwsh, dotenv = odd("env", "--format", "pwsh").out, odd("env", "--format", "dotenv").out

    assert (
        pwsh.splitlines()[0] == f"$env:SIPCA_HOME = '{str(odd.home).replace(chr(39), chr(39) * 2)}'"
    )
    assert "\\$HOME" in dotenv.splitlines()[0]
    assert '\\"x\\"' in dotenv.splitlines()[0]
    assert odd("env", "--format", "cmd").exit == 2


def test_env_brings_the_crl_up_to_date(sipca: CommandLine) -> None:
    crl = Path(sipca("env", "--json").json["variables"]["SIPCA_CRL"])
    before = crl.read_bytes()

    sipca("crl", "--refresh")
    sipca("env")

    assert crl.read_bytes() != before


def test_schema_lists_prints_and_names_what_is_near(bare: CommandLine) -> None:
    names = bare("schema", "--json", home=False).json["names"]
    schema = json.loads(bare("schema", "csr", "show", home=False).out)
    wrong = bare("schema", "sgn", home=False)

    assert {"sign", "csr show", "check", "error"} <= set(names)
    assert schema["$ref"] == "#/$defs/RequestDocument"
    assert wrong.exit == 5
    assert "did you mean 'sign'?" in wrong.err


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
