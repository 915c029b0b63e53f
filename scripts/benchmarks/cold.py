"""One call at a time: ``sipca sign`` beside importing X.509, ``--help`` beside an empty typer app."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.benchmarks.measure import Row, interleaved, process
from scripts.benchmarks.peers import CFSSL, Certtool, EasyRSA, OpenSSL
from scripts.benchmarks.requests import write_requests

ROUNDS = 11
SAMPLE = Path(__file__).resolve().parents[2] / "tests" / "vectors" / "samples" / "sbc1.csr"
EMPTY = (
    "import typer\napp = typer.Typer(add_completion=False)\n"
    "@app.command()\ndef nothing(): pass\napp([], standalone_mode=False)\n"
)


def measure(folder: Path) -> Iterator[Row]:
    """Whole processes, wall time; the key without passphrase, the register durable."""
    env = {**os.environ, "SIPCA_HOME": str(folder / "home")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    sipca = Path(sys.executable).with_name("sipca")
    subprocess.run([sipca, "init", "--no-passphrase"], env=env, check=True, capture_output=True)

    def wall(*words: object) -> float:
        return process(words, env).wall

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
        typer=lambda: wall(sys.executable, "-c", EMPTY),
        help=lambda: wall(sipca, "--help"),
        version=lambda: wall(sipca, "--version"),
        **{name: lambda name=name: peers[name].sign(next(turns[name])) for name in peers},
    )
    ours = found["sign"]
    yield Row("cold: sign one CSR beside 'import cryptography.x509'", ours, found["x509"], "s", 2.5)
    yield Row("cold: --help beside an empty typer app", found["help"], found["typer"], "s", 1.3)
    version = "cold: --version beside an empty typer app"
    yield Row(version, found["version"], found["typer"], "s", 1.3)
    for name in peers:
        yield Row(f"cold: sign one CSR beside {name}", ours, found[name], "s")
