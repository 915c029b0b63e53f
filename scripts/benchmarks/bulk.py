"""Many CSRs in one call, beside the raw rate of the same library and beside ``openssl ca``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from ca.authority.delivery import Delivery
from ca.authority.founding import found
from ca.authority.home import Surroundings, no_passphrase, open_home
from ca.authority.judging import Source
from ca.authority.signing import sign
from ca.authority.wishes import FoundingWishes
from ca.model.wishes import SigningWishes
from scripts.benchmarks.measure import Row, interleaved, process
from scripts.benchmarks.requests import write_requests

AROUND = Surroundings(passphrase=no_passphrase)
COUNT = 2000
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


def measure(folder: Path) -> Iterator[Row]:
    """RSA-2048 device CSRs; issuers of P-256 and RSA-2048."""
    paths = write_requests(folder / "in", COUNT)
    data = [path.read_bytes() for path in paths]
    for kind, bound in (("ec:p256", 0.30), ("rsa:2048", 0.65)):
        home = folder / kind.replace(":", "-")
        wishes = FoundingWishes(name="Bench", protect="none", root_key=kind, issuing_key=kind)
        found(home, wishes, AROUND)
        rates = interleaved(
            3,
            raw=lambda kind=kind: _raw(kind, data),
            ours=lambda home=home: _in_process(home, data),
        )
        yield Row(
            f"bulk, {kind} issuer: beside raw verify and sign",
            rates["ours"],
            rates["raw"],
            "/s",
            bound,
            "at least",
        )
    yield from _with_files(folder, folder / "ec-p256", paths[:1000])


def _raw(kind: str, data: list[bytes]) -> float:
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if kind.startswith("rsa"):
        key = rsa.generate_private_key(65537, 2048)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    started = time.perf_counter()
    for each in data:
        if not x509.load_pem_x509_csr(each).is_signature_valid:
            raise RuntimeError("a CSR of the bench is broken")
        if isinstance(key, rsa.RSAPrivateKey):
            key.sign(each, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.sign(each, ec.ECDSA(hashes.SHA256()))
    return len(data) / (time.perf_counter() - started)


def _in_process(home: Path, data: list[bytes]) -> float:
    sources = [
        Source(f"d{number}", None, SigningWishes(again=True), data=each)
        for number, each in enumerate(data)
    ]
    with open_home(home, AROUND) as opened:
        started = time.perf_counter()
        done = sign(opened, sources, delivery=Delivery())
        rate = len(data) / (time.perf_counter() - started)
    if len(done.signed) != len(data):
        raise RuntimeError(f"{len(done.refused)} of the bench were refused")
    return rate


def _with_files(folder: Path, home: Path, paths: list[Path]) -> Iterator[Row]:
    inbox = folder / "thousand"
    inbox.mkdir()
    for path in paths:
        (inbox / path.name).write_bytes(path.read_bytes())
    env = {**os.environ, "SIPCA_HOME": str(home)}
    rounds = iter(range(100))

    def ours(jobs: int) -> float:
        words = [Path(sys.executable).with_name("sipca"), "sign", inbox, "--again", "--quiet"]
        return process([*words, "--jobs", jobs, "--out", folder / f"out{next(rounds)}"], env).wall

    _openssl_home(folder / "openssl")
    found = interleaved(
        3,
        one=lambda: ours(1),
        two=lambda: ours(2),
        openssl=lambda: _openssl(folder / "openssl", paths),
    )
    yield Row(
        "bulk, 1,000 CSRs with files beside openssl ca, one process",
        found["one"],
        found["openssl"],
        "s",
        0.9,
    )
    yield Row(
        "bulk, 1,000 CSRs with files beside openssl ca, --jobs 2",
        found["two"],
        found["openssl"],
        "s",
        0.6,
    )


def _openssl_home(folder: Path) -> None:
    (folder / "certs").mkdir(parents=True)
    (folder / "ca.cnf").write_text(CONFIG.format(folder=folder))
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Bench -days 900"
    subprocess.run(
        ["openssl", *words.split(), "-keyout", folder / "ca.key", "-out", folder / "ca.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


def _openssl(folder: Path, paths: list[Path]) -> float:
    (folder / "index.txt").write_text("")
    (folder / "serial").write_text("01\n")
    words = ["openssl", "ca", "-config", folder / "ca.cnf", "-batch", "-notext", "-infiles"]
    return process([*words, *paths]).wall
