"""CAs of other programs, made in the test run by the programs themselves."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

OPENSSL_CNF = """
[ca]
default_ca = it
[it]
dir = .
database = index.txt
new_certs_dir = newcerts
serial = serial
crlnumber = crlnumber
certificate = cacert.pem
private_key = private/cakey.pem
default_md = sha256
default_days = 400
default_crl_days = 30
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
organizationName = optional
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[narrow]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[sub]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def run(*words: object, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a program; its output. It has to succeed."""
    done = subprocess.run(
        [*map(str, words)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class OpenSSLCA:
    """A folder of ``openssl ca``."""

    def __init__(self, path: Path, *, cn: str = "Old Root", extensions: str = "root") -> None:
        self.path = path
        for name in ("private", "newcerts"):
            (path / name).mkdir(parents=True)
        (path / "openssl.cnf").write_text(OPENSSL_CNF)
        (path / "index.txt").write_text("")
        (path / "serial").write_text("01\n")
        (path / "crlnumber").write_text("01\n")
        self("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "private/cakey.pem")  # fmt: skip
        self("req", "-x509", "-new", "-config", "openssl.cnf", "-key", "private/cakey.pem", "-subj", f"/O=Lab/CN={cn}", "-days", "3000", "-extensions", extensions, "-out", "cacert.pem")  # fmt: skip

    def __call__(self, *words: object) -> str:
        return run("openssl", *words, cwd=self.path)

    def request(self, cn: str) -> str:
        """Make a key and a request of this CN; the request's file."""
        self("req", "-new", "-config", "openssl.cnf", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{cn}.key", "-subj", f"/O=Lab/CN={cn}", "-addext", f"subjectAltName=DNS:{cn}", "-out", f"{cn}.csr")  # fmt: skip
        return f"{cn}.csr"

    def sign(self, cn: str, *words: str, extensions: str = "leaf") -> Path:
        """Sign a certificate; its file."""
        self("ca", "-batch", "-config", "openssl.cnf", "-notext", "-in", self.request(cn), "-extensions", extensions, "-out", f"{cn}.pem", *words)  # fmt: skip
        return self.path / f"{cn}.pem"

    def revoke(self, cn: str, reason: str = "superseded") -> None:
        """Revoke the certificate of a CN."""
        self("ca", "-config", "openssl.cnf", "-revoke", f"{cn}.pem", "-crl_reason", reason)

    def crl(self) -> None:
        """Make a CRL."""
        self("ca", "-config", "openssl.cnf", "-gencrl", "-out", "crl.pem")


def two_tier(path: Path) -> tuple[OpenSSLCA, OpenSSLCA]:
    """A root and an issuing CA below it, each a folder of ``openssl ca``."""
    root = OpenSSLCA(path / "root")
    issuing = OpenSSLCA(path / "issuing", cn="Old Issuing")
    issuing("req", "-new", "-config", "openssl.cnf", "-key", "private/cakey.pem", "-subj", "/O=Lab/CN=Old Issuing", "-out", "ca.csr")  # fmt: skip
    root("ca", "-batch", "-config", "openssl.cnf", "-notext", "-in", "../issuing/ca.csr", "-extensions", "sub", "-out", "../issuing/cacert.pem", "-days", "2000")  # fmt: skip
    return root, issuing
