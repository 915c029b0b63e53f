"""CRLs and OCSP before judges that no one here wrote: openssl, GnuTLS, pkilint, curl, nginx."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from stand_in.lab import CommandLine, make_csr, serials_with_a_slash
from stand_in.other_programs import OpenSSLCA
from stand_in.service import Service, serving
from stand_in.waiting import until

HOMES = {
    "ec": ("--root-key", "ec:p256", "--issuing-key", "ec:p384"),
    "rsa": ("--root-key", "rsa:2048", "--issuing-key", "rsa:2048", "--base-url", "http://127.0.0.1:8080"),
}  # fmt: skip


class Lab(NamedTuple):
    """A home with three devices, the second of which is revoked, and one that it never signed."""

    sipca: CommandLine
    folder: Path
    root: Path
    issuing: Path
    bundle: Path

    def leaf(self, stem: str) -> Path:
        return self.folder / f"{stem}-device.pem"


@pytest.fixture(scope="module", params=HOMES)
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = tmp_path_factory.mktemp(request.param)
    sipca = CommandLine(folder / "home")
    assert sipca("init", "--name", "Judged", "--no-passphrase", *HOMES[request.param]).exit == 0
    for stem in ("good", "bad", "held"):
        key = ec.generate_private_key(ec.SECP256R1())
        if request.param == "rsa":
            key = rsa.generate_private_key(65537, 2048)  # type: ignore[assignment]
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{stem}.key").write_bytes(pem)
        (folder / f"{stem}.csr").write_bytes(
            make_csr(f"dns:{stem}.lab.example", cn=f"{stem}.lab.example", key=key)
        )
        dice = serials_with_a_slash() if stem == "good" else contextlib.nullcontext()
        with dice:
            assert sipca("sign", folder / f"{stem}.csr", "--out", folder).exit == 0
    assert sipca("revoke", "bad.lab.example", "--reason", "key-compromise").exit == 0
    assert sipca("revoke", "held.lab.example", "--reason", "hold").exit == 0
    for ca in ("issuing", "root"):
        for kind in ("pem", "der"):
            path = folder / f"{ca}.crl.{kind}"
            assert sipca("crl", "--ca", ca, "--format", kind, "-o", path).exit == 0
    return Lab(
        sipca,
        folder,
        folder / "trusted-1-root.pem",
        folder / "trusted-2-issuing.pem",
        folder / "trusted-root.pem",
    )


@pytest.fixture(scope="module")
def service(lab: Lab) -> Iterator[Service]:
    with serving(lab.sipca.home, lab.folder / "serve.log") as running:
        yield running


def run(*words: object, data: bytes = b"") -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(w) for w in words], capture_output=True, input=data, timeout=60)
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("latin-1")
    )


@pytest.mark.parametrize("kind", ["pem", "der"])
def test_openssl_and_gnutls_verify_both_crls(lab: Lab, kind: str) -> None:
    for ca, certificate in (("issuing", lab.issuing), ("root", lab.root)):
        crl = lab.folder / f"{ca}.crl.{kind}"

        ours = run(
            "openssl",
            "crl",
            "-in",
            crl,
            "-inform",
            kind,
            "-CAfile",
            lab.bundle,
            "-noout",
            "-verify",
        )
        readable = certificate
        if kind == "der":  # certtool reads both files in one form
            readable = lab.folder / f"{ca}.cer"
            lab.sipca("chain", "--parts", ca, "--format", "der", "-o", readable)
        gnutls = run(
            "certtool", "--verify-crl", *(["--inder"] if kind == "der" else []),
            "--load-ca-certificate", readable, "--infile", crl,
        )  # fmt: skip

        assert "verify OK" in ours.stdout + ours.stderr
        assert gnutls.returncode == 0, gnutls.stderr
        assert "Verified" in gnutls.stdout + gnutls.stderr


def test_openssl_checks_whole_chains_against_both_crls(lab: Lab) -> None:
    crls = lab.folder / "both.crl"
    crls.write_bytes(
        b"".join((lab.folder / f"{ca}.crl.pem").read_bytes() for ca in ("issuing", "root"))
    )

    def verified(stem: str) -> subprocess.CompletedProcess[str]:
        return run(
            "openssl", "verify", "-x509_strict", "-crl_check_all", "-CRLfile", crls,
            "-CAfile", lab.root, "-untrusted", lab.issuing, lab.leaf(stem),
        )  # fmt: skip

    assert verified("good").returncode == 0, verified("good").stderr
    assert "certificate revoked" in verified("bad").stderr
    assert "certificate revoked" in verified("held").stderr


def test_pkilint_finds_no_error_in_crls_and_ocsp_responses(lab: Lab) -> None:
    scripts = Path(sys.executable).parent
    for ca, kind in (("issuing", "CRL"), ("root", "ARL")):
        done = run(
            scripts / "lint_crl", "lint", "-t", kind, "-p", "PKIX", "-s", "ERROR",
            lab.folder / f"{ca}.crl.der",
        )  # fmt: skip
        assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout
    for stem in ("good", "bad"):
        response = lab.folder / f"{stem}.ocsp"
        asked = ask(lab, stem)
        lab.sipca("ocsp", "respond", asked, "-o", response, "--overwrite")
        done = run(scripts / "lint_ocsp_response", "lint", "-s", "ERROR", response)
        assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout


def ask(lab: Lab, stem: str, *words: str) -> Path:
    """A request file of openssl's own making."""
    path = lab.folder / f"{stem}.request"
    done = run(
        "openssl", "ocsp", *(words or ("-no_nonce",)), "-issuer", lab.issuing,
        "-cert", lab.leaf(stem), "-reqout", path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.parametrize("hash_name", ["sha1", "sha256", "sha384", "sha512"])
def test_openssl_asks_by_post_with_every_cert_id_hash(
    lab: Lab, service: Service, hash_name: str
) -> None:
    done = run(
        "openssl", "ocsp", "-CAfile", lab.bundle, "-url", service.ocsp, f"-{hash_name}",
        "-issuer", lab.issuing, "-cert", lab.leaf("good"), "-cert", lab.leaf("bad"),
        "-cert", lab.leaf("held"), "-serial", "0x1234",
    )  # fmt: skip

    assert "Response verify OK" in done.stderr
    assert "nonce" not in done.stderr
    assert f"{lab.leaf('good')}: good" in done.stdout
    assert f"{lab.leaf('bad')}: revoked" in done.stdout
    assert "Reason: keyCompromise" in done.stdout
    assert f"{lab.leaf('held')}: revoked" in done.stdout
    assert "Reason: certificateHold" in done.stdout
    assert "0x1234: unknown" in done.stdout


def test_the_roots_signer_answers_for_the_issuing_ca(lab: Lab, service: Service) -> None:
    done = run(
        "openssl", "ocsp", "-CAfile", lab.root, "-url", service.http, "-issuer", lab.root,
        "-cert", lab.issuing,
    )  # fmt: skip

    assert "Response verify OK" in done.stderr
    assert f"{lab.issuing}: good" in done.stdout


def test_another_ca_is_not_answered_for(lab: Lab, service: Service) -> None:
    done = run(
        "openssl", "ocsp", "-CAfile", lab.root, "-url", service.ocsp, "-issuer", lab.leaf("good"),
        "-cert", lab.leaf("good"),
    )  # fmt: skip

    assert "Responder Error: unauthorized (6)" in done.stdout + done.stderr


def test_gnutls_asks_and_verifies(lab: Lab, service: Service) -> None:
    for stem, status in (("good", "good"), ("bad", "revoked")):
        done = run(
            "ocsptool", f"--ask={service.ocsp}", "--load-cert", lab.leaf(stem), "--load-issuer", lab.issuing,
            "--load-trust", lab.bundle,
        )  # fmt: skip

        assert f"Certificate Status: {status}" in done.stdout
        assert "Verifying OCSP Response: Success" in done.stdout


def spellings(request: bytes) -> dict[str, str]:
    text = base64.b64encode(request).decode()
    return {
        "plain": text,
        "escaped": urllib.parse.quote(text, safe=""),
        "below a slash of the base URL": f"/{text}",
        "without padding": text.rstrip("="),
    }


def test_curl_gets_what_openssl_reads_however_the_path_is_spelled(
    lab: Lab, service: Service
) -> None:
    response = lab.folder / "got.ocsp"
    for words in ((), ("-sha256",), ("-sha512",)):
        request = ask(lab, "good", "-no_nonce", *words).read_bytes()
        for path in spellings(request).values():
            got = run(
                "curl", "-sS", "--path-as-is", "-o", response, "-w", "%{content_type} %{http_code}",
                f"{service.http}/{path}",
            )  # fmt: skip
            assert got.stdout == "application/ocsp-response 200", got.stderr
            read = run(
                "openssl", "ocsp", "-respin", response, "-CAfile", lab.bundle, *words,
                "-issuer", lab.issuing, "-cert", lab.leaf("good"),
            )  # fmt: skip
            assert f"{lab.leaf('good')}: good" in read.stdout, read.stderr


def test_crl_and_ca_certificates_are_served_under_id_and_alias(lab: Lab, service: Service) -> None:
    for record in lab.sipca("status", "--json").json["cas"]:
        for name in (record["id"], record["role"]):
            crl = run("curl", "-sSf", "-D-", f"{service.http}/crl/{name}.crl")
            der = run("curl", "-sSf", f"{service.http}/ca/{name}.cer").stdout.encode("latin-1")

            assert "content-type: application/pkix-crl" in crl.stdout
            assert "cache-control: max-age=" in crl.stdout
            shown = run("openssl", "x509", "-inform", "der", "-noout", "-serial", data=der)
            assert shown.stdout.strip().lower() == f"serial={record['serial']}"
    whole = (lab.folder / "issuing.crl.der").read_bytes()
    served = run("curl", "-sSf", f"{service.ocsp}crl/issuing.crl").stdout.encode("latin-1")
    assert served == whole


_USER = "user root;" if os.geteuid() == 0 else ""
"""nginx as root lends its workers another user's eyes, which do not see into pytest's folders."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Nginx:
    """nginx with one server block, in a folder of its own."""

    def __init__(self, folder: Path, block: str) -> None:
        folder.mkdir(exist_ok=True)
        for _ in range(5):  # another program may take the port first, and answer in our place
            if self._started(folder, block):
                return
        raise AssertionError(self.log.read_text())

    def _started(self, folder: Path, block: str) -> bool:
        self.port = free_port()
        temp = "\n".join(
            f"{each}_temp_path {folder}/{each};"
            for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"{_USER}daemon off; pid {folder}/pid; error_log {folder}/error.log info; events {{}}\n"
            f"http {{ access_log off; {temp}\n server {{ {block.format(port=self.port)} }} }}\n"
        )
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        command = [binary, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]
        self.process = subprocess.Popen(command)
        self.log = folder / "error.log"
        pid = folder / "pid"
        while self.process.poll() is None:  # it ends where the port is taken
            if pid.exists() and pid.read_text().strip() == str(self.process.pid):
                return True  # written once the port is bound
            time.sleep(0.05)
        return False

    def __enter__(self) -> Nginx:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)


def test_nginx_lets_in_clients_by_what_the_responder_says(lab: Lab, service: Service) -> None:
    """``ssl_ocsp leaf``: nginx asks our responder about each client certificate."""
    block = f"""
        listen 127.0.0.1:{{port}} ssl;
        ssl_certificate {lab.leaf("good")}; ssl_certificate_key {lab.folder}/good.key;
        ssl_client_certificate {lab.bundle}; ssl_verify_client on; ssl_verify_depth 3;
        ssl_ocsp leaf; ssl_ocsp_responder {service.ocsp}; ssl_ocsp_cache off; resolver 127.0.0.1;
        location / {{{{ return 200 "welcome"; }}}}
    """
    with Nginx(lab.folder / "ngx-ocsp", block) as server:

        def visit(stem: str) -> str:
            return run(
                "curl", "-sS", "--cacert", lab.bundle, "--cert", lab.leaf(stem),
                "--key", lab.folder / f"{stem}.key", "--resolve", f"good.lab.example:{server.port}:127.0.0.1",
                f"https://good.lab.example:{server.port}/",
            ).stdout  # fmt: skip

        assert visit("good") == "welcome"
        assert "400" in visit("bad")
        assert "400" in visit("held")
        log = server.log.read_text()
    assert "certificate revoked" in log or "revoked" in log


def test_nginx_staples_our_answer(lab: Lab, service: Service) -> None:
    chain = lab.folder / "good-chain.pem"
    chain.write_bytes(lab.leaf("good").read_bytes() + lab.issuing.read_bytes())
    block = f"""
        listen 127.0.0.1:{{port}} ssl;
        ssl_certificate {chain}; ssl_certificate_key {lab.folder}/good.key;
        ssl_stapling on; ssl_stapling_verify on; ssl_stapling_responder {service.ocsp};
        ssl_trusted_certificate {lab.bundle};
    """
    with Nginx(lab.folder / "ngx-staple", block) as server:

        def handshake() -> str:
            return run(
                "openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-status",
                "-CAfile", lab.root, "-servername", "good.lab.example",
            ).stdout  # fmt: skip

        # nginx asks at the first handshake and staples at a later one
        assert until(lambda: "OCSP Response Status: successful" in handshake())
        assert "Cert Status: good" in handshake()


def test_openssl_s_client_checks_a_server_against_our_crl(lab: Lab) -> None:
    port = free_port()

    def handshake() -> subprocess.CompletedProcess[str]:
        return run(
            "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", lab.root,
            "-CRL", lab.folder / "issuing.crl.pem", "-crl_check",
        )  # fmt: skip

    for stem, said in (("good", "Verify return code: 0 (ok)"), ("bad", "certificate revoked")):
        server = subprocess.Popen(
            [
                "openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(lab.leaf(stem)),
                "-key", str(lab.folder / f"{stem}.key"), "-cert_chain", str(lab.issuing), "-quiet",
            ]
        )  # fmt: skip
        try:
            assert until(lambda: "Verify return code" in handshake().stdout)
            done = handshake()
        finally:
            server.kill()
            server.wait()
        assert said in done.stdout + done.stderr


def test_nginx_serves_presigned_answers_by_get(lab: Lab) -> None:
    """Among the requests are some whose base64 holds ``//`` and ends with ``/``."""
    folder = lab.folder / "presigned"
    made = lab.sipca("ocsp", "presign", "--out", folder, "--json").json
    assert made["written"] == 8 * made["certificates"]
    response = lab.folder / "static.ocsp"
    block = f"listen 127.0.0.1:{{port}}; include {folder}/nginx.conf;"
    with Nginx(lab.folder / "ngx-static", block) as server:
        for stem, status in (("good", "good"), ("bad", "revoked"), ("held", "revoked")):
            for hash_name in ("-sha1", "-sha256", "-sha384", "-sha512"):
                request = ask(lab, stem, "-no_nonce", hash_name).read_bytes()
                for kind, path in spellings(request).items():
                    if kind == "without padding":
                        continue
                    got = run(
                        "curl", "-sS", "--path-as-is", "-o", response, "-w", "%{content_type}",
                        f"http://127.0.0.1:{server.port}/{path}",
                    )  # fmt: skip
                    assert got.stdout == "application/ocsp-response"
                    read = run(
                        "openssl", "ocsp", "-respin", response, "-CAfile", lab.bundle, hash_name,
                        "-issuer", lab.issuing, "-cert", lab.leaf(stem),
                    )  # fmt: skip
                    assert f"{lab.leaf(stem)}: {status}" in read.stdout, (kind, read.stderr)
        unknown = run("curl", "-sS", f"http://127.0.0.1:{server.port}/MAAA", "-o", response)
        read = run("openssl", "ocsp", "-respin", response)
        hidden = [
            run("curl", "-sS", f"http://127.0.0.1:{server.port}/{name}").stdout
            for name in (
                "presigned.txt",
                "presigned.txt/",
                "presigned.state",
                "nginx.conf",
                "nginx.conf/",
            )
        ]
        posted = run(
            "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-d", "x", f"http://127.0.0.1:{server.port}/"
        )  # fmt: skip
    assert unknown.returncode == 0
    assert "unauthorized" in read.stdout + read.stderr
    assert not any("MF" in each or "location" in each for each in hidden)
    assert posted.stdout == "403"


def test_nginx_tells_apart_requests_whose_slashes_are_lost(tmp_path: Path) -> None:
    """Serials in a row, as ``openssl ca`` gives them: ``A//`` is a file where ``A/B`` has a folder."""
    ca = OpenSSLCA(tmp_path / "ca")
    row = range(0x1F00, 0x2010)
    with (ca.path / "index.txt").open("a") as index:
        index.writelines(f"V\t300102030405Z\t\t{n:04X}\tunknown\t/CN=d{n}\n" for n in row)
    sipca, folder, root = CommandLine(tmp_path / "home"), tmp_path / "out", ca.path / "cacert.pem"
    assert sipca("import", "--openssl", ca.path, "--no-passphrase").exit == 0
    assert sipca("revoke", "--serial", "1fff").exit == 0
    assert sipca("ocsp", "presign", "--out", folder).exit == 0
    request, response = tmp_path / "request", tmp_path / "response"
    lost, said = 0, {}
    with Nginx(tmp_path / "ngx", f"listen 127.0.0.1:{{port}}; include {folder}/nginx.conf;") as server:  # fmt: skip
        for serial in (0x1F3F, 0x1F7F, 0x1FBF, 0x1FC0, 0x1FFE, 0x1FFF, 0x2000):
            for hash_name in ("-sha1", "-sha256", "-sha384", "-sha512"):
                run(
                    "openssl", "ocsp", hash_name, "-no_nonce", "-issuer", root, "-serial",
                    f"0x{serial:x}", "-reqout", request,
                )  # fmt: skip
                text = base64.b64encode(request.read_bytes()).decode()
                lost += "//" in text or text.endswith("/")
                for path in (text, urllib.parse.quote(text, safe="")):
                    url = f"http://127.0.0.1:{server.port}/{path}"
                    run("curl", "-sS", "--path-as-is", "-o", response, url)
                    read = run(
                        "openssl", "ocsp", "-respin", response, "-CAfile", root, hash_name,
                        "-issuer", root, "-serial", f"0x{serial:x}",
                    )  # fmt: skip
                    said[serial, hash_name, path] = read.stdout.partition(": ")[2].split()[:1]

    assert lost >= 3  # hashes of other lengths move the last octets
    wrong = {
        key: each for key, each in said.items() if each != (["revoked"] if key[0] == 0x1FFF else ["good"])
    }  # fmt: skip
    assert not wrong


def test_presigning_again_removes_what_it_wrote_itself_and_nothing_else(
    lab: Lab, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    first = lab.sipca("ocsp", "presign", "--out", folder, "--json").json
    stale = folder / "MStale"
    stale.write_bytes((folder / "unauthorized.ocsp").read_bytes())
    foreign = folder / "index.html"
    foreign.write_text("mine")
    manifest = folder / "presigned.txt"
    manifest.write_text(manifest.read_text() + "MStale\n")

    again = lab.sipca("ocsp", "presign", "--out", folder, "--json").json

    assert (again["written"], again["kept"], again["removed"]) == (0, first["written"], 1)
    assert not stale.exists()
    assert foreign.read_text() == "mine"
    manifest.write_text("../../etc/passwd\n")
    answer = lab.sipca("ocsp", "presign", "--out", folder)
    assert answer.exit == 6
    assert "was changed by hand" in answer.err
