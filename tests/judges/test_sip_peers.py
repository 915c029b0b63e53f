"""SIP clients and neighbours of Debian before good and bad certificates, and DTLS.

The bad ones are those of ``sipca fixture make``; a listener presents them and hears whether the
client goes on after the handshake. The recipes are those of the targets, section 14.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from stand_in.lab import CommandLine
from stand_in.peers import free_port, presenting_fixture, takes_connections
from stand_in.service import serving
from stand_in.waiting import until

OPTIONS_SCENARIO = """<?xml version="1.0" encoding="us-ascii"?>
<scenario name="OPTIONS">
  <send><![CDATA[
OPTIONS sip:localhost SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]>;tag=[call_number]
To: <sip:localhost>
Call-ID: [call_id]
CSeq: 1 OPTIONS
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200"></recv>
</scenario>
"""


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every fixture, for this machine."""
    folder = tmp_path_factory.mktemp("fixtures")
    answer = CommandLine(folder / "none")(
        "fixture", "make", "all", "--out", folder / "out", "--name", "localhost", "--ip", "127.0.0.1"
    )  # fmt: skip
    assert answer.exit == 0, answer.err
    return folder / "out"


@pytest.mark.parametrize(
    ("fixture", "goes_on"),
    [
        ("good", True), ("expired", False), ("wrong-host", False), ("unknown-ca", False), ("not-yet", False),
        ("rsa1024", True), ("sha1", True), ("no-san", True),
    ],
)  # fmt: skip
def test_linphone_registers_with_whom_it_trusts_alone(
    bad: Path, tmp_path: Path, fixture: str, goes_on: bool
) -> None:
    (tmp_path / ".local" / "share" / "linphone").mkdir(parents=True)
    settings = tmp_path / "linphonerc"
    settings.write_text(
        f"[sip]\nsip_port=0\nsip_tcp_port=0\nsip_tls_port=-1\nroot_ca={bad / 'root.pem'}\n"
        "verify_server_certs=1\nverify_server_cn=1\n"
    )

    with presenting_fixture(bad, fixture) as (port, recorder):
        phone = subprocess.Popen(
            ["linphonec", "-c", str(settings)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(tmp_path)}, text=True,
        )  # fmt: skip
        assert phone.stdin is not None
        try:
            phone.stdin.write(f"register sip:me@localhost sip:localhost:{port};transport=tls pw\n")
            phone.stdin.flush()
            assert until(lambda: recorder.is_done)
        finally:
            phone.kill()
            phone.stdin.close()
            phone.wait(10)

    assert bool(recorder.heard) is goes_on, recorder.refused
    if goes_on:
        assert recorder.heard[0].startswith(b"REGISTER ")


@contextlib.contextmanager
def stunnel(bad: Path, folder: Path, port: int) -> Iterator[int]:
    """stunnel as a client that verifies chain and name; the port at which it listens."""
    own = free_port()
    (folder / "stunnel.conf").write_text(
        f"foreground = yes\npid =\nsocket = l:TCP_NODELAY=1\n[sip]\nclient = yes\naccept = 127.0.0.1:{own}\n"
        f"connect = 127.0.0.1:{port}\nCAfile = {bad / 'root.pem'}\nverifyChain = yes\ncheckHost = localhost\n"
    )
    process = subprocess.Popen(
        ["stunnel4", str(folder / "stunnel.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip
    try:
        assert until(lambda: takes_connections(own) or process.poll() is not None)
        yield own
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.parametrize(
    ("fixture", "arrives"), [("good", True), ("expired", False), ("wrong-host", False)]
)
def test_sipp_through_stunnel_reaches_whom_stunnel_trusts(
    bad: Path, tmp_path: Path, fixture: str, arrives: bool
) -> None:
    (tmp_path / "options.xml").write_text(OPTIONS_SCENARIO)

    with (
        presenting_fixture(bad, fixture) as (port, recorder),
        stunnel(bad, tmp_path, port) as tunnel,
    ):
        assert until(lambda: recorder.is_done)  # the look whether stunnel listens went through it
        recorder.refused.clear()
        sipp = subprocess.Popen(
            ["sipp", f"127.0.0.1:{tunnel}", "-sf", str(tmp_path / "options.xml"), "-m", "1", "-t", "t1",
             "-nostdin", "-timeout", "20"],
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            heard = until(
                lambda: any(b"OPTIONS" in each for each in recorder.heard) or bool(recorder.refused)
            )
        finally:
            sipp.kill()
            sipp.wait(10)

    assert heard
    assert any(b"OPTIONS" in each for each in recorder.heard) is arrives


@pytest.fixture
def lab(sipca: CommandLine, tmp_path: Path) -> CommandLine:
    """A home with a base URL, and certificates of a server and of two clients, one revoked."""
    for name in ("server", "good", "gone"):
        answer = sipca(
            "issue", f"{name}.lab.example", "127.0.0.1", "--key", "rsa:2048", "--out", tmp_path / name
        )  # fmt: skip
        assert answer.exit == 0, answer.err
    return sipca


def files(folder: Path, name: str) -> tuple[str, str]:
    stem = folder / name / f"{name}.lab.example"
    return f"{stem}-fullchain.pem", f"{stem}.key"


def curled(folder: Path, port: int, client: str, *words: str) -> subprocess.CompletedProcess[str]:
    certificate, key = files(folder, client)
    return subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "15", "--noproxy", "*", "--cacert",
         str(folder / "server" / "trusted-1-root.pem"), "--cert", certificate, "--key", key,
         f"https://127.0.0.1:{port}/", *words],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip


def test_nginx_asks_sipca_serve_by_ocsp_about_its_clients_and_staples_its_own(
    lab: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "nginx"
    folder.mkdir()
    certificate, key = files(tmp_path, "server")
    with serving(lab.home, tmp_path / "log") as service:
        responder = f"http://127.0.0.1:{service.ocsp_port}/"
        port = free_port()
        (folder / "nginx.conf").write_text(
            f"""
daemon off; master_process off; pid {folder}/pid; error_log stderr warn;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};
    ssl_client_certificate {tmp_path}/server/trusted-root.pem; ssl_verify_client on; ssl_verify_depth 2;
    ssl_ocsp leaf; ssl_ocsp_responder {responder};
    ssl_stapling on; ssl_stapling_verify on; ssl_stapling_responder {responder};
    ssl_trusted_certificate {tmp_path}/server/trusted-root.pem;
    location / {{ return 200 "welcome"; }}
  }}
}}
"""
        )
        nginx = subprocess.Popen(
            ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert until(lambda: takes_connections(port))
            welcomed = until(lambda: curled(tmp_path, port, "good").stdout == "welcome")
            stapled = until(lambda: curled(tmp_path, port, "good", "--cert-status").returncode == 0)
            assert lab("revoke", "gone.lab.example", "--reason", "cessation").exit == 0
            revoked = curled(tmp_path, port, "gone")
        finally:
            nginx.kill()
            nginx.wait(10)

    assert welcomed
    assert stapled
    assert "welcome" not in revoked.stdout
    assert "400" in revoked.stdout


def test_slapd_demands_a_client_certificate_and_checks_the_chain_s_crls(
    lab: CommandLine, tmp_path: Path
) -> None:
    assert lab("revoke", "gone.lab.example", "--reason", "cessation").exit == 0
    assert lab("crl", "--ca", "all", "-o", tmp_path / "crls.pem").exit == 0
    certificate, key = files(tmp_path, "server")
    (tmp_path / "data").mkdir()
    port = free_port()
    (tmp_path / "slapd.conf").write_text(
        f"include /etc/ldap/schema/core.schema\npidfile {tmp_path}/pid\n"
        f"TLSCACertificateFile {tmp_path}/server/trusted-1-root.pem\nTLSCertificateFile {certificate}\n"
        f"TLSCertificateKeyFile {key}\nTLSVerifyClient demand\nTLSCRLFile {tmp_path}/crls.pem\n"
        f"moduleload back_mdb\ndatabase mdb\nsuffix dc=lab\ndirectory {tmp_path}/data\n"
    )
    slapd = subprocess.Popen(
        ["slapd", "-d", "0", "-f", str(tmp_path / "slapd.conf"), "-h", f"ldaps://127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def asked(client: str | None) -> int:
        own = (
            {}
            if client is None
            else dict(zip(("LDAPTLS_CERT", "LDAPTLS_KEY"), files(tmp_path, client), strict=True))
        )
        return subprocess.run(
            ["ldapsearch", "-x", "-H", f"ldaps://127.0.0.1:{port}", "-b", "", "-s", "base"],
            env={**os.environ, **own, "LDAPTLS_CACERT": str(tmp_path / "server" / "trusted-1-root.pem"),
                 "LDAPTLS_REQCERT": "demand"},
            capture_output=True, timeout=30,
        ).returncode  # fmt: skip

    try:
        assert until(lambda: takes_connections(port) or slapd.poll() is not None)
        answers = {client: asked(client) for client in ("good", "gone", None)}
    finally:
        slapd.kill()
        slapd.wait(10)

    assert answers["good"] == 0
    assert answers["gone"] != 0
    assert answers[None] != 0


def test_doctor_sees_dtls_beside_tls(lab: CommandLine, tmp_path: Path) -> None:
    certificate, key = files(tmp_path, "server")
    leaf = certificate.replace("fullchain", "device")
    port = free_port()
    common = ["-accept", f"127.0.0.1:{port}", "-cert", leaf, "-key", key, "-cert_chain",
              str(tmp_path / "server" / "trusted-2-issuing.pem"), "-quiet"]  # fmt: skip
    servers = [
        subprocess.Popen(
            ["openssl", "s_server", *common, *words], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for words in ([], ["-dtls"])
    ]  # fmt: skip
    try:
        assert until(lambda: takes_connections(port) and _is_bound(port))
        answer = lab("doctor", f"127.0.0.1:{port}", "--json")
    finally:
        for server in servers:
            server.kill()
            server.wait(10)

    tried = {each["offered"]: each["version"] for each in answer.json["peers"][0]["handshakes"]}
    assert tried["DTLS"] == "DTLS 1.2"


def _is_bound(port: int) -> bool:
    """Whether something has the UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
