"""Other CAs, each signing by a P-256 key: set up once, then one whole process a certificate."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarks.measure import Run, process

CONFIG = """
[ca]
default_ca = lab
[lab]
database = {folder}/index.txt
new_certs_dir = {folder}/certs
serial = {folder}/serial
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
default_days = 800
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
organizationName = optional
"""
TEMPLATE = """
cn = "device"
expiration_days = 800
signing_key
tls_www_server
tls_www_client
"""


def quietly(*words: object, env: dict[str, str] | None = None, text: str = "") -> None:
    """Run a command that has to succeed."""
    subprocess.run(
        list(map(str, words)), input=text.encode(), capture_output=True, check=True, env=env
    )


class OpenSSL:
    """``openssl ca``: key and certificate at ``ca.key`` and ``ca.pem`` in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fresh()

    def fresh(self) -> None:
        """Begin anew, with nothing signed."""
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "certs").mkdir(parents=True)
        (self.folder / "ca.cnf").write_text(CONFIG.format(folder=self.folder))
        make_ca(self.folder)
        (self.folder / "index.txt").write_text("")
        (self.folder / "serial").write_text("01\n")

    def run(self, requests: Sequence[Path], *, text: bool = False) -> Run:
        """Sign requests in one process; by default without each certificate's text form."""
        words = ["openssl", "ca", "-config", self.folder / "ca.cnf", "-batch"]
        return process([*words, *([] if text else ["-notext"]), "-infiles", *requests])

    def sign(self, request: Path) -> float:
        """Sign one request; seconds."""
        return self.run([request]).wall


def make_ca(folder: Path) -> None:
    """A self-signed P-256 CA in a folder."""
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Bench -days 900"
    quietly("openssl", *words.split(), "-keyout", folder / "ca.key", "-out", folder / "ca.pem")


class Certtool:
    """GnuTLS."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        make_ca(folder)
        (folder / "template").write_text(TEMPLATE)

    def sign(self, request: Path) -> float:
        """Sign one request; seconds."""
        words = ["certtool", "--generate-certificate", "--load-request", request]
        words += ["--load-ca-certificate", self.folder / "ca.pem"]
        words += ["--load-ca-privkey", self.folder / "ca.key"]
        return process([*words, "--template", self.folder / "template"]).wall


class CFSSL:
    """Cloudflare's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        make_ca(folder)

    def sign(self, request: Path) -> float:
        """Sign one request; seconds."""
        words = ["cfssl", "sign", "-loglevel", "5", "-ca", self.folder / "ca.pem"]
        return process([*words, "-ca-key", self.folder / "ca.key", request]).wall


class EasyRSA:
    """The shell scripts around openssl."""

    PROGRAM = "/usr/share/easy-rsa/easyrsa"

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.pki = folder / "pki"
        self.env = {
            **os.environ,
            "EASYRSA_PKI": str(self.pki),
            "EASYRSA_BATCH": "1",
            "EASYRSA_ALGO": "ec",
            "EASYRSA_CURVE": "prime256v1",
        }
        quietly(self.PROGRAM, "init-pki", env=self.env)
        quietly(self.PROGRAM, "build-ca", "nopass", env=self.env)

    def sign(self, request: Path) -> float:
        """Sign one request; seconds, without its import."""
        shutil.copy(request, self.pki / "reqs" / f"{request.stem}.req")
        return process([self.PROGRAM, "sign-req", "server", request.stem], self.env).wall
