"""One call at a time: ``sipca sign`` beside importing X.509, ``--help`` beside an empty typer app."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.benchmarks.measure import Row, interleaved, process

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
    found = interleaved(
        11,
        x509=lambda: wall(sys.executable, "-c", "import cryptography.x509"),
        sign=lambda: wall(sipca, "sign", SAMPLE, "--again", "-o", out, "--overwrite"),
        typer=lambda: wall(sys.executable, "-c", EMPTY),
        help=lambda: wall(sipca, "--help"),
        version=lambda: wall(sipca, "--version"),
    )
    yield Row(
        "cold: sign one CSR beside 'import cryptography.x509'",
        found["sign"],
        found["x509"],
        "s",
        2.5,
    )
    yield Row("cold: --help beside an empty typer app", found["help"], found["typer"], "s", 1.3)
    yield Row(
        "cold: --version beside an empty typer app", found["version"], found["typer"], "s", 1.3
    )
