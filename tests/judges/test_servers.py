"""The files of ``issue --target`` before the servers that they are for, each the real program.

Each starts with the files exactly as written and the configuration that the command printed,
lets a second certificate of this home in by mutual TLS, refuses a revoked one and whoever has
none, and serves a renewed certificate after the command that the target names. The servers say
"welcome" inside the encrypted connection, so that a refusal after the handshake is seen as one.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.lab import CommandLine
from stand_in.waiting import until

SECRET = "correct horse"


class Lab(NamedTuple):
    """A home, a client that is let in, and one that is revoked."""

    sipca: CommandLine
    folder: Path

    def issue(self, target: str, *words: object) -> Any:
        """Files for a server, as JSON; with the passphrase that its stores have."""
        (self.folder / "secret").write_text(f"{SECRET}\n")
        stores = target in ("java", "windows")
        answer = self.sipca(
            "issue", f"{target}.lab.example", "127.0.0.1", "--target", target, "--out",
            self.folder / target, *words, *(("--key-passphrase-file", self.folder / "secret") * stores),
            "--json",
        )  # fmt: skip
        assert answer.exit == 0, answer.err
        return answer.json

    def renew(self, target: str) -> str:
        """Renew a server's certificate at once; its new serial."""
        document = self.issue(target, "--renew-before", "900d")
        assert document["made"] == "certificate"
        return str(document["serial"])

    def client(self, stem: str | None) -> ssl.SSLContext:
        """A TLS client that trusts the root alone, with a certificate or without."""
        context = ssl.create_default_context(
            cafile=str(self.folder / "good" / "trusted-1-root.pem")
        )
        if stem is not None:
            files = self.folder / stem / f"{stem}.lab.example"
            context.load_cert_chain(f"{files}-fullchain.pem", f"{files}.key")
        return context


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return lab_in(tmp_path_factory.mktemp("servers"))


def lab_in(folder: Path) -> Lab:
    sipca = CommandLine(folder / "home")
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")
    assert sipca("init", "--name", "Judged", "--no-passphrase", *keys).exit == 0
    for stem in ("good", "bad"):
        words = ("issue", f"{stem}.lab.example", "--key", "rsa:2048", "--out", folder / stem)
        assert sipca(*words).exit == 0
    assert sipca("revoke", "bad.lab.example", "--reason", "key-compromise").exit == 0
    return Lab(sipca, folder)


class Server:
    """A running program: its port, its process, what it said."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log

    def serial(self, context: ssl.SSLContext) -> str:
        """The serial of the certificate that it serves; whether it lets us in is not asked."""
        with self._connected(context) as connection:
            der = connection.getpeercert(binary_form=True)
        assert der is not None
        return f"{x509.load_der_x509_certificate(der).serial_number:032x}"

    @contextlib.contextmanager
    def _connected(self, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
        with (
            socket.create_connection(("127.0.0.1", self.port), 10) as raw,
            context.wrap_socket(raw, server_hostname="127.0.0.1") as connection,
        ):
            yield connection

    def welcomes(self, context: ssl.SSLContext, ask: bytes, word: bytes = b"welcome") -> bool:
        """Whether it answers inside an encrypted connection."""
        said = b""
        refusals = (ssl.SSLError, ConnectionError, TimeoutError)
        with contextlib.suppress(*refusals), self._connected(context) as connection:
            connection.sendall(ask)
            while word not in said and (piece := connection.recv(65536)):
                said += piece
        return word in said


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(
    folder: Path,
    command: Callable[[int], list[str]],
    ready: Callable[[int, Path], bool] | None = None,
) -> Iterator[Server]:
    """A program that is ready, on a port of its own, and gone after the block."""
    folder.mkdir(exist_ok=True)
    log = folder / "log"
    for _ in range(5):  # another program may take the port first
        port = free_port()
        words = command(port)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [shutil.which(words[0]) or f"/usr/sbin/{words[0]}", *words[1:]],
                stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=folder,
                start_new_session=True,
            )  # fmt: skip
        server = Server(process, port, log)

        def is_ready(server: Server = server) -> bool:
            if ready is not None:
                return ready(server.port, log)
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", server.port), 1),
            ):
                return True
            return False

        until(lambda process=process, is_ready=is_ready: process.poll() is not None or is_ready())  # type: ignore[misc]
        if process.poll() is None:
            break
    try:
        assert process.poll() is None, log.read_text()
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)  # a worker that outlived its master
        process.wait()


HTTP = b"GET / HTTP/1.0\r\nHost: x\r\n\r\n"
SIP = (
    b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:5999;branch=z9hG4bK1;rport\r\n"
    b"From: <sip:a@lab.example>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: 1@lab\r\n"
    b"CSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\nContent-Length: 0\r\n\r\n"
)


def judge(lab: Lab, server: Server, ask: bytes, first: Any) -> None:
    """What every server that verifies clients does."""
    assert server.welcomes(lab.client("good"), ask), server.log.read_text()
    assert not server.welcomes(lab.client("bad"), ask), "a revoked client"
    assert not server.welcomes(lab.client(None), ask), "a client without certificate"
    assert server.serial(lab.client("good")) == first["serial"]


def judge_reload(
    lab: Lab, server: Server, target: str, ask: bytes, reload: Callable[[], object]
) -> None:
    """The renewed certificate is served by the same process, and clients are judged as before."""
    pid = server.process.pid
    serial = lab.renew(target)

    reload()

    assert until(lambda: _serves(lab, server) == serial), server.log.read_text()
    assert server.welcomes(lab.client("good"), ask)
    assert not server.welcomes(lab.client("bad"), ask), "still revoked"
    assert (server.process.pid, server.process.poll()) == (pid, None)


def _serves(lab: Lab, server: Server) -> str:
    try:
        return server.serial(lab.client("good"))
    except (OSError, ssl.SSLError):
        return ""


def nginx(folder: Path, snippet: str, port: int) -> list[str]:
    """The command of nginx with one server block."""
    snippet = snippet.replace("listen 443", f"listen 127.0.0.1:{port}")
    temp = " ".join(
        f"{each}_temp_path {folder}/{each};"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/log info; events {{}}\n"
        f"http {{ access_log off; {temp} server {{ {snippet} location / {{ return 200 welcome; }} }} }}\n"
    )
    return ["nginx", "-e", f"{folder}/log", "-c", f"{folder}/nginx.conf"]


def test_nginx(lab: Lab) -> None:
    first = lab.issue("nginx")
    folder = lab.folder / "run-nginx"

    def command(port: int) -> list[str]:
        return nginx(folder, first["server"]["snippet"], port)

    with running(folder, command) as server:
        judge(lab, server, HTTP, first)
        reload = [*command(server.port), "-s", "reload"]
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        judge_reload(
            lab, server, "nginx", HTTP,
            lambda: subprocess.run(reload, check=True, capture_output=True, executable=binary),
        )  # fmt: skip


def test_haproxy(lab: Lab) -> None:
    first = lab.issue("haproxy")
    folder = lab.folder / "run-haproxy"

    def command(port: int) -> list[str]:
        bind = first["server"]["snippet"].replace(":443", f"127.0.0.1:{port}")
        (folder / "haproxy.cfg").write_text(
            "global\n  log stdout format raw daemon\ndefaults\n  mode http\n  timeout client 9s\n"
            f"  timeout connect 9s\n  timeout server 9s\nfrontend f\n  {bind}\n"
            "  http-request return status 200 content-type text/plain string welcome\n"
        )
        return ["haproxy", "-W", "-f", f"{folder}/haproxy.cfg"]

    with running(folder, command) as server:
        judge(lab, server, HTTP, first)
        judge_reload(lab, server, "haproxy", HTTP, lambda: server.process.send_signal(12))


def test_stunnel(lab: Lab) -> None:
    first = lab.issue("stunnel")
    folder = lab.folder / "run-stunnel"
    with socket.create_server(("127.0.0.1", 0)) as behind:
        threading.Thread(target=_welcome, args=(behind,), daemon=True).start()

        def command(port: int) -> list[str]:
            snippet = first["server"]["snippet"].replace(
                "accept = 5061", f"accept = 127.0.0.1:{port}"
            )
            snippet = snippet.replace("127.0.0.1:5060", f"127.0.0.1:{behind.getsockname()[1]}")
            (folder / "stunnel.conf").write_text(f"foreground = yes\npid =\n{snippet}\n")
            return ["stunnel4", f"{folder}/stunnel.conf"]

        with running(folder, command) as server:
            judge(lab, server, HTTP, first)
            judge_reload(lab, server, "stunnel", HTTP, lambda: server.process.send_signal(1))


def _welcome(behind: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed by the test
        while True:
            with behind.accept()[0] as connection, contextlib.suppress(OSError):
                connection.recv(65536)  # what is unread when it is closed would reset it
                connection.sendall(b"welcome")


def test_kamailio(lab: Lab) -> None:
    first = lab.issue("kamailio")
    folder = lab.folder / "run-kamailio"

    def command(port: int) -> list[str]:
        (folder / "tls.cfg").write_text(first["server"]["snippet"] + "\n")
        (folder / "kamailio.cfg").write_text(
            "#!KAMAILIO\ndebug=1\nlog_stderror=yes\nchildren=1\ntcp_children=1\nenable_tls=yes\nauto_aliases=no\n"
            f'listen=tls:127.0.0.1:{port}\nloadmodule "sl.so"\nloadmodule "ctl.so"\nloadmodule "tls.so"\n'
            f'modparam("tls", "config", "{folder}/tls.cfg")\nmodparam("ctl", "binrpc", "unix:{folder}/ctl")\n'
            'request_route { sl_send_reply("200", "welcome"); }\n'
        )
        return [
            "kamailio",
            "-f",
            f"{folder}/kamailio.cfg",
            "-DD",
            "-E",
            "-m",
            "16",
            "-M",
            "4",
            "-Y",
            str(folder),
        ]

    def reload() -> None:
        done = subprocess.run(
            ["/usr/sbin/kamcmd", "-s", f"unix:{folder}/ctl", "tls.reload"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done
        assert "error" not in done.stdout.lower(), done

    with running(folder, command) as server:
        judge(lab, server, SIP, first)
        judge_reload(lab, server, "kamailio", SIP, reload)


RADIUS = """
prefix = /usr
name = freeradius
confdir = {folder}
run_dir = {folder}
db_dir = {folder}
logdir = {folder}
libdir = /usr/lib/freeradius
pidfile = {folder}/pid
log {{ destination = stdout }}
security {{ allow_vulnerable_openssl = yes }}
client lab {{ ipaddr = 127.0.0.1
  secret = testing123 }}
modules {{ eap {{ default_eap_type = tls
  tls-config tls-common {{
{snippet}
  }}
  tls {{ tls = tls-common }} }} }}
server default {{ listen {{ type = auth
    ipaddr = 127.0.0.1
    port = {port} }}
  authorize {{
    eap
  }}
  authenticate {{
    eap
  }}
}}
"""


def test_freeradius_with_eapol_test(lab: Lab) -> None:
    first = lab.issue("freeradius")
    folder = lab.folder / "run-freeradius"

    def command(port: int) -> list[str]:
        text = RADIUS.format(folder=folder, port=port, snippet=first["server"]["snippet"])
        (folder / "radiusd.conf").write_text(text)
        return ["freeradius", "-f", "-d", str(folder), "-l", "stdout"]

    def ready(_: int, log: Path) -> bool:
        return "Ready to process requests" in log.read_text()

    with running(folder, command, ready) as server:
        assert eap(lab, server.port, "good") == (True, leaf_hash(lab.folder / "freeradius"))
        assert eap(lab, server.port, "bad")[0] is False
    lab.renew("freeradius")
    with running(folder, command, ready) as server:
        assert eap(lab, server.port, "good") == (True, leaf_hash(lab.folder / "freeradius"))


def leaf_hash(folder: Path) -> str:
    certificate = x509.load_pem_x509_certificate((folder / "fullchain.pem").read_bytes())
    return sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def eap(lab: Lab, port: int, stem: str) -> tuple[bool, str]:
    """EAP-TLS of one client: whether it was let in, and the SHA-256 of the server's certificate."""
    files = lab.folder / stem / f"{stem}.lab.example"
    conf = lab.folder / f"eapol-{stem}.conf"
    conf.write_text(
        "network={\n  key_mgmt=IEEE8021X\n  eap=TLS\n"
        f'  identity="{stem}"\n  ca_cert="{lab.folder}/good/trusted-1-root.pem"\n'
        f'  client_cert="{files}-fullchain.pem"\n  private_key="{files}.key"\n'
        '  domain_match="freeradius.lab.example"\n  eapol_flags=0\n}\n'
    )
    done = subprocess.run(
        ["eapol_test", "-c", conf, "-a", "127.0.0.1", "-p", str(port), "-s", "testing123", "-t", "20"],
        capture_output=True, text=True,
    )  # fmt: skip
    seen = re.search(r"EAP-PEER-CERT depth=0 .*hash=([0-9a-f]{64})", done.stdout)
    assert seen is not None, done.stdout[-3000:]
    return done.stdout.rstrip().endswith("SUCCESS"), seen[1]


JAVA = """
import javax.net.ssl.*;
public class Welcome {
  public static void main(String[] words) throws Exception {
    var server = (SSLServerSocket) SSLServerSocketFactory.getDefault()
        .createServerSocket(Integer.parseInt(words[0]), 9, java.net.InetAddress.getLoopbackAddress());
    server.setNeedClientAuth(true);
    while (true) {
      try (var connection = (SSLSocket) server.accept()) {
        connection.startHandshake();
        connection.getOutputStream().write("welcome".getBytes());
      } catch (java.io.IOException refused) {
        System.out.println(refused);
      }
    }
  }
}
"""


def test_java(lab: Lab) -> None:
    first = lab.issue("java")
    folder = lab.folder / "run-java"
    folder.mkdir()
    (folder / "Welcome.java").write_text(JAVA)
    subprocess.run(
        ["javac", "-d", folder, folder / "Welcome.java"], check=True, capture_output=True
    )
    (folder / "options").write_text(
        first["server"]["snippet"]
        + f'\n-Djavax.net.ssl.keyStorePassword="{SECRET}"\n-Djavax.net.ssl.trustStorePassword="{SECRET}"\n'
    )

    def command(port: int) -> list[str]:
        return [
            "java",
            "-Xshare:auto",
            f"@{folder}/options",
            "-cp",
            str(folder),
            "Welcome",
            str(port),
        ]

    for store, entry in (("keystore", "PrivateKeyEntry"), ("truststore", "trustedCertEntry")):
        listed = subprocess.run(
            ["keytool", "-list", "-keystore", lab.folder / "java" / f"{store}.p12", "-storepass", SECRET],
            capture_output=True, text=True,
        )  # fmt: skip
        assert entry in listed.stdout, listed
        assert "Your keystore contains 1 entry" in listed.stdout
    with running(folder, command) as server:
        assert server.welcomes(lab.client("good"), b""), server.log.read_text()
        assert not server.welcomes(lab.client(None), b"")
        assert server.serial(lab.client("good")) == first["serial"]
    serial = lab.renew("java")
    with running(folder, command) as server:
        assert server.serial(lab.client("good")) == serial


def test_sofia_sip_loads_the_files_of_freeswitch_and_sends_its_chain(lab: Lab) -> None:
    """The SIP stack of FreeSWITCH as a client, before a server that has the root alone."""
    lab.issue("freeswitch")
    home = lab.folder / "sofia"
    (home / ".sip").mkdir(parents=True)
    (home / ".sip" / "auth").symlink_to(lab.folder / "freeswitch")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    files = lab.folder / "good" / "good.lab.example"
    context.load_cert_chain(f"{files}-fullchain.pem", f"{files}.key")
    context.load_verify_locations(lab.folder / "good" / "trusted-1-root.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        client = subprocess.Popen(
            ["sip-options", "--contact=sips:*:0", f"sips:x@127.0.0.1:{listening.getsockname()[1]};transport=tls"],
            env={"HOME": str(home), "PATH": os.environ["PATH"]}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            with context.wrap_socket(listening.accept()[0], server_side=True) as connection:
                said = connection.recv(65536)
                der = connection.getpeercert(binary_form=True)
        finally:
            client.kill()
            client.wait()

    assert said.startswith(b"OPTIONS sips:x@127.0.0.1"), said
    assert der is not None
    assert (
        x509.load_der_x509_certificate(der).subject.rfc4514_string() == "CN=freeswitch.lab.example"
    )


MQTT_CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a"
MQTT_WELCOME = b"\x20\x02\x00\x00"


def test_mosquitto_with_a_target_of_the_operators_own(lab: Lab) -> None:
    (lab.sipca.home / "targets").mkdir(exist_ok=True)
    (lab.sipca.home / "targets" / "broker.toml").write_text(
        'schema = 1\ndescription = "our broker"\n'
        '[[file]]\nname = "broker.pem"\ncontents = ["key", "certificate", "chain"]\n'
        '[[file]]\nname = "ca.pem"\ncontents = ["root"]\n'
        '[[file]]\nname = "crls.pem"\ncontents = ["crls"]\n'
        '[server]\nsnippet = """\ncertfile {folder}/broker.pem\nkeyfile {folder}/broker.pem\n'
        'cafile {folder}/ca.pem\ncrlfile {folder}/crls.pem\nrequire_certificate true\n"""\n'
    )
    first = lab.issue("broker")
    folder = lab.folder / "run-broker"

    def command(port: int) -> list[str]:
        (folder / "mosquitto.conf").write_text(
            f"user root\nallow_anonymous true\nlistener {port} 127.0.0.1\n{first['server']['snippet']}\n"
        )
        return ["mosquitto", "-c", f"{folder}/mosquitto.conf"]

    with running(folder, command) as server:
        assert server.welcomes(lab.client("good"), MQTT_CONNECT, MQTT_WELCOME), (
            server.log.read_text()
        )
        assert not server.welcomes(lab.client("bad"), MQTT_CONNECT, MQTT_WELCOME)
        assert not server.welcomes(lab.client(None), MQTT_CONNECT, MQTT_WELCOME)
        assert server.serial(lab.client("good")) == first["serial"]


def test_after_a_rotation_of_the_root_clients_of_both_chains_are_let_in(tmp_path: Path) -> None:
    """By nginx, which asks for the CRL of each CA of a chain: four of them, after a rotation."""
    lab = lab_in(tmp_path)
    first = lab.issue("nginx")
    old = lab.client("good")
    assert lab.sipca("ca", "rotate", "--root").exit == 0
    new = lab.folder / "new"
    assert lab.sipca("issue", "new.lab.example", "--out", new).exit == 0
    second = lab.issue("nginx", "--renew-before", "900d")
    both = ssl.create_default_context(cafile=str(new / "trusted-root.pem"))
    both.load_cert_chain(f"{new}/new.lab.example-fullchain.pem", f"{new}/new.lab.example.key")
    folder = lab.folder / "run"

    with running(folder, lambda port: nginx(folder, second["server"]["snippet"], port)) as server:
        assert second["serial"] != first["serial"]
        assert server.welcomes(both, HTTP), server.log.read_text()
        assert server.welcomes(old, HTTP), "it has the old root alone, and the cross certificate"
        assert not server.welcomes(lab.client("bad"), HTTP), "revoked by the CA before"


def test_the_files_of_windows_are_read_by_openssl(lab: Lab) -> None:
    first = lab.issue("windows")
    folder = lab.folder / "windows"

    def openssl(*words: object) -> str:
        done = subprocess.run(
            ["openssl", *map(str, words)], capture_output=True, text=True, cwd=folder
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    for name in ("certificate", "issuing", "root"):
        openssl("x509", "-inform", "der", "-in", f"{name}.cer", "-out", f"../{name}.pem")
    bundle = openssl("pkcs7", "-inform", "der", "-in", "ca.p7b", "-print_certs")
    identity = openssl(
        "pkcs12", "-in", "identity.pfx", "-passin", "file:../secret", "-nodes", "-info"
    )
    verified = openssl("verify", "-x509_strict", "-CAfile", "../root.pem", "-untrusted", "../issuing.pem", "../certificate.pem")  # fmt: skip

    assert bundle.count("BEGIN CERTIFICATE") == 2
    assert (identity.count("BEGIN CERTIFICATE"), identity.count("BEGIN PRIVATE KEY")) == (2, 1)
    assert "OK" in verified
    assert (
        first["serial"] in openssl("x509", "-in", "../certificate.pem", "-noout", "-serial").lower()
    )
