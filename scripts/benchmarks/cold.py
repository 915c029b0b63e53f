"""One call at a time: ``sipca sign`` beside importing X.509, ``--help`` beside an empty typer app."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from scripts.benchmarks.measure import Row, interleaved, process
from scripts.benchmarks.peers import CFSSL, Certtool, EasyRSA, OpenSSL, quietly
from scripts.benchmarks.requests import write_requests

ROUNDS = 11
SAMPLE = Path(__file__).resolve().parents[2] / "profiles" / "samples" / "sbc1.csr"
EMPTY = (
    "import typer\napp = typer.Typer(add_completion=False)\n"
    "@app.command()\ndef nothing(): pass\napp([], standalone_mode=False)\n"
)


def measure(folder: Path) -> Iterator[Row]:
    """Whole processes, wall time; the key without passphrase, the register durable."""
    env = {**os.environ, "SIPCA_HOME": str(folder / "home")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    sipca = Path(sys.executable).with_name("sipca")
    quietly(sipca, "init", "--no-passphrase", env=env)
    locked = {**env, "SIPCA_HOME": str(folder / "locked"), "SIPCA_PASSPHRASE": "correct horse"}
    quietly(sipca, "init", env=locked)

    def wall(*words: object, env: dict[str, str] = env) -> float:
        return process(words, env).wall

    def derive() -> float:
        started = time.perf_counter()
        PBKDF2HMAC(hashes.SHA256(), 32, bytes(16), 600_000).derive(b"correct horse")
        return time.perf_counter() - started

    out = folder / "out.pem"
    peers = {
        "openssl ca": OpenSSL(folder / "openssl"),
        "certtool": Certtool(folder / "certtool"),
        "cfssl sign": CFSSL(folder / "cfssl"),
        "easyrsa sign-req": EasyRSA(folder / "easyrsa"),
    }
    requests = write_requests(folder / "in", ROUNDS + 1)
    turns = {name: iter(requests) for name in peers}
    found = interleaved(
        ROUNDS,
        x509=lambda: wall(sys.executable, "-c", "import cryptography.x509"),
        sign=lambda: wall(sipca, "sign", SAMPLE, "--again", "-o", out, "--overwrite"),
        locked=lambda: wall(sipca, "sign", SAMPLE, "--again", "-o", out, "--overwrite", env=locked),
        derive=derive,
        typer=lambda: wall(sys.executable, "-c", EMPTY),
        help=lambda: wall(sipca, "--help"),
        version=lambda: wall(sipca, "--version"),
        **{name: lambda name=name: peers[name].sign(next(turns[name])) for name in peers},
    )
    ours = found["sign"]
    yield Row("cold: sign one CSR beside 'import cryptography.x509'", ours, found["x509"], "s", 2.1)
    yield Row("cold: --help beside an empty typer app", found["help"], found["typer"], "s", 1.3)
    version = "cold: --version beside an empty typer app"
    yield Row(version, found["version"], found["typer"], "s", 1.1)
    added = found["locked"] - ours
    yield Row(
        "cold: what a passphrase adds, beside its key derivation", added, found["derive"], "s"
    )
    for name in peers:
        yield Row(f"cold: sign one CSR beside {name}", ours, found[name], "s")
