"""Start-up is a behaviour: what a command does not need is not loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from stand_in.lab import ROOT, SAMPLES, CommandLine

HEAVY = {
    "sqlite_utils",
    "rich",
    "pydantic",
    "asn1crypto",
    "idna",
    "precis_i18n",
    "gmpy2",
    "starlette",
    "uvicorn",
    "importlib.metadata",
    "importlib.resources",
    "zipfile",
    "secrets",
    "ca.revocation.ocsp",
    "getpass",
    "concurrent.futures",
    "multiprocessing",
}
CRYPTOGRAPHY = {"cryptography"}

PROBE = """
import sys
from cli.main import run
code = run(sys.argv[1:])
print(*sorted(sys.modules), file=open({modules!r}, "w"))
sys.exit(code)
"""


def loaded(tmp_path: Path, *words: str, home: Path | None = None) -> set[str]:
    modules = tmp_path / "modules"
    environment = {
        **os.environ,
        "SIPCA_HOME": str(home or tmp_path / "none"),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(modules=str(modules)), *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(modules.read_text().split())


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["csr", "--help"]])
def test_help_and_version_load_neither_heavy_modules_nor_cryptography(
    tmp_path: Path, words: list[str]
) -> None:
    found = loaded(tmp_path, *words)

    assert found & (HEAVY | CRYPTOGRAPHY) == set()
    assert words[0] == "csr" or "msgspec" not in found  # 6 ms


def test_help_and_version_load_no_command(tmp_path: Path) -> None:
    assert not any(name.startswith("cli.commands.") for name in loaded(tmp_path, "--help"))


def test_signing_loads_no_heavy_module(sipca: CommandLine, tmp_path: Path) -> None:
    found = loaded(tmp_path, "sign", str(SAMPLES / "sbc1.csr"), home=sipca.home)

    assert found & HEAVY == set()


CONSOLE = """
import atexit, sys
sys.path.insert(0, {package!r})
import sipca
sys.path.insert(0, {root!r})
import cli.main
run = cli.main.main
def with_an_end():
    atexit.register(print, "the end was kept")
    run()
cli.main.main = with_an_end
sipca.main()
"""


@pytest.mark.parametrize(("words", "code"), [(["--version"], 0), (["show"], 2)])
def test_the_console_script_does_what_is_registered_for_the_end(
    words: list[str], code: int
) -> None:
    script = CONSOLE.format(package=str(ROOT / "scripts" / "package"), root=str(ROOT))

    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=60
    )

    assert done.returncode == code
    assert done.stdout.endswith("the end was kept\n")


def test_the_console_script_that_nobody_reads_ends_as_before() -> None:
    script = CONSOLE.format(package=str(ROOT / "scripts" / "package"), root=str(ROOT))
    full = Path("/dev/full").open("w")  # noqa: SIM115 - closed below

    with full:
        done = subprocess.run(
            [sys.executable, "-c", script, "rule", "list"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip

    assert done.returncode == 8
    assert "No space left on device" in done.stderr
