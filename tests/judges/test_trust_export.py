"""Programs that nobody here wrote trust the root as ``trust export`` says, and no longer after undo."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from stand_in.lab import CommandLine

BODY = b"<title>it is trusted</title>"


class Site(NamedTuple):
    """A web server whose certificate is this CA's."""

    sipca: CommandLine
    url: str
    folder: Path


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A client that trusts nothing ends the handshake."""


@pytest.fixture
def site(sipca: CommandLine, tmp_path: Path) -> Iterator[Site]:
    """A server for localhost; issued for a year, as browsers want."""
    issued = sipca("issue", "localhost", "--profile", "https", "--out", tmp_path / "i")
    assert issued.exit == 0, issued.err
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        tmp_path / "i" / "localhost-fullchain.pem", tmp_path / "i" / "localhost.key"
    )
    server = _Server(("127.0.0.1", 0), _Page)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield Site(sipca, f"https://localhost:{server.server_port}/", tmp_path)
    server.shutdown()
    thread.join()
    server.server_close()


def said(words: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    plain = {k: v for k, v in os.environ.items() if not k.lower().endswith(("proxy", "_bundle"))}
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"):
        plain.pop(name, None)
    return subprocess.run(
        words, env=plain | variables, capture_output=True, text=True, timeout=120, check=False
    )


def exported(site: Site, kind: str) -> dict[str, Any]:
    answer = site.sipca("trust", "export", "--for", kind, "-o", site.folder, "--json")
    assert answer.exit == 0, answer.err
    document: dict[str, Any] = answer.json
    return document


def in_shell(document: dict[str, Any], program: str) -> list[str]:
    """The commands as said, then the program, then undo, then the program once more."""
    run = "\n".join(each["text"] for each in document["run"])
    undo = "\n".join(each["text"] for each in document["undo"])
    return [
        "sh",
        "-c",
        f"{program}; echo $?\n{run}\n{program}; echo $?\n{undo}\n{program}; echo $?",
    ]


@pytest.mark.parametrize(
    ("kind", "program"),
    [
        ("curl", "curl -sS -o /dev/null {url}"),
        (
            "python",
            "/usr/bin/env python3 -c 'import urllib.request; urllib.request.urlopen(\"{url}\")'",
        ),
        (
            "node",
            "node -e 'require(\"https\").get(\"{url}\", () => process.exit(0))"
            ".on(\"error\", () => process.exit(1))'",
        ),
    ],
)  # fmt: skip
def test_a_shell_trusts_the_root_between_run_and_undo(site: Site, kind: str, program: str) -> None:
    document = exported(site, kind)

    out = said(in_shell(document, program.format(url=site.url))).stdout.split()

    before, during, after = (int(each) for each in out)
    assert before != 0
    assert during == 0
    assert after != 0


def test_keytool_imports_the_root_and_java_s_truststore_lists_it(
    site: Site, tmp_path: Path
) -> None:
    document = exported(site, "java")
    store = tmp_path / "cacerts.p12"
    own = f"-keystore {store}"
    (run,) = (each["text"].replace("-cacerts", own) for each in document["run"])
    (undo,) = (each["text"].replace("-cacerts", own) for each in document["undo"])

    imported = said(["sh", "-c", run])
    listed = said(["keytool", "-list", "-keystore", str(store), "-storepass", "changeit"])
    deleted = said(["sh", "-c", undo])
    left = said(["keytool", "-list", "-keystore", str(store), "-storepass", "changeit"])

    assert imported.returncode == 0, imported.stdout + imported.stderr
    assert "trustedCertEntry" in listed.stdout
    grouped = document["roots"][0]["sha256"].upper()
    assert grouped in listed.stdout.replace(":", "")
    assert deleted.returncode == 0
    assert "trustedCertEntry" not in left.stdout


def test_update_ca_certificates_takes_the_file_into_its_bundle_and_out_again(
    site: Site, tmp_path: Path
) -> None:
    document = exported(site, "debian")
    local, etc = tmp_path / "local", tmp_path / "etc"
    for each in (local, etc, tmp_path / "hooks"):
        each.mkdir()
    public = next(Path("/usr/share/ca-certificates/mozilla").glob("*.crt"))
    (tmp_path / "conf").write_text(f"mozilla/{public.name}\n")  # without any it keeps the bundle
    elsewhere = (
        f"update-ca-certificates --localcertsdir {local} --etccertsdir {etc} "
        f"--hooksdir {tmp_path / 'hooks'} --certsconf {tmp_path / 'conf'}"
    )
    there = [
        each["text"]
        .replace("update-ca-certificates", elsewhere)
        .replace("/usr/local/share/ca-certificates", str(local))
        for each in document["run"] + document["undo"]
    ]
    path = "/usr/sbin:/usr/bin:/bin"

    install, update, remove, fresh = there
    assert said(["sh", "-ec", f"{install}\n{update}"], PATH=path).returncode == 0
    trusted = said(["curl", "-sS", "--cacert", str(etc / "ca-certificates.crt"), site.url])
    hashed = said(["openssl", "verify", "-CApath", str(etc), document["files"][0]])
    assert said(["sh", "-ec", f"{remove}\n{fresh}"], PATH=path).returncode == 0

    assert trusted.returncode == 0, trusted.stderr
    assert hashed.returncode == 0, hashed.stderr
    assert (etc / "ca-certificates.crt").read_text() == public.read_text()
    assert [each.name for each in etc.glob("test-lab-*")] == []


def test_chromium_loads_a_page_that_it_refused_before(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "user"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    before = page_in_chromium(site.url, home)

    answer = site.sipca("trust", "export", "--for", "chromium", "-o", site.folder, "--run")
    during = page_in_chromium(site.url, home)

    assert answer.exit == 0, answer.err
    assert "it is trusted" not in before
    assert "it is trusted" in during


def page_in_chromium(url: str, home: Path) -> str:
    """What headless Chromium has after it loaded a page."""
    words = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-dev-shm-usage", "--no-proxy-server", f"--user-data-dir={home / 'profile'}",
        "--timeout=20000", "--dump-dom", url,
    ]  # fmt: skip
    return said(words, HOME=str(home)).stdout


def test_openssl_reads_the_certificate_in_the_apple_profile(site: Site) -> None:
    import plistlib

    document = exported(site, "ios")
    (entry,) = plistlib.loads(Path(document["files"][0]).read_bytes())["PayloadContent"]
    (site.folder / "r.cer").write_bytes(entry["PayloadContent"])

    shown = said(
        [
            "openssl",
            "x509",
            "-inform",
            "DER",
            "-in",
            str(site.folder / "r.cer"),
            "-noout",
            "-fingerprint",
            "-sha256",
        ]
    )

    assert document["roots"][0]["sha256"].upper() in shown.stdout.replace(":", "")


def test_certutil_takes_the_root_into_a_profile_like_firefox_s_and_out_again(
    site: Site, tmp_path: Path
) -> None:
    document = exported(site, "firefox")
    profile = tmp_path / "profile"
    profile.mkdir()
    store = f"sql:{profile}"
    said(["certutil", "-N", "-d", store, "--empty-password"])
    (run,) = (each["text"].replace("sql:PROFILE", store) for each in document["run"])
    (undo,) = (each["text"].replace("sql:PROFILE", store) for each in document["undo"])

    taken = said(["sh", "-c", run])
    valid = said(["certutil", "-V", "-d", store, "-u", "L", "-n", Path(document["files"][0]).stem])
    removed = said(["sh", "-c", undo])

    assert taken.returncode == 0, taken.stderr
    assert "certificate is valid" in valid.stdout
    assert removed.returncode == 0, removed.stderr
    assert "test-lab" not in said(["certutil", "-L", "-d", store]).stdout
