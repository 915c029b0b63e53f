"""``env``: paths for scripts, quoted for each shell."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import CommandLine


@pytest.fixture
def odd(tmp_path: Path) -> CommandLine:
    """A home whose path has everything that shells trip over."""
    sipca = CommandLine(tmp_path / 'o\'dd $HOME "x" `id`')
    assert (
        sipca("init", "--no-passphrase", "--root-key", "ec:p256", "--issuing-key", "ec:p256").exit
        == 0
    )
    return sipca


def test_sh_reads_the_variables_whatever_is_in_the_path(odd: CommandLine) -> None:
    text = odd("env").out

    done = subprocess.run(
        ["sh", "-c", f'{text}printf "%s\\n" "$SIPCA_HOME" "$SIPCA_ROOT" "$SIPCA_CHAIN" "$SIPCA_CRL"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    home, root, chain, crl = done.stdout.splitlines()
    assert home == str(odd.home)
    assert Path(root).read_text() == odd("chain", "--parts", "root").out
    assert Path(chain).read_text() == odd("chain").out
    assert Path(crl).read_text() == odd("crl").out
    verified = subprocess.run(["openssl", "verify", "-CAfile", root, chain], capture_output=True)
    assert verified.returncode == 0


def test_pwsh_and_dotenv_are_quoted_in_their_own_ways(odd: CommandLine) -> None:
    pwsh, dotenv = odd("env", "--format", "pwsh").out, odd("env", "--format", "dotenv").out

    assert (
        pwsh.splitlines()[0] == f"$env:SIPCA_HOME = '{str(odd.home).replace(chr(39), chr(39) * 2)}'"
    )
    assert "\\$HOME" in dotenv.splitlines()[0]
    assert '\\"x\\"' in dotenv.splitlines()[0]
    assert odd("env", "--format", "cmd").exit == 2


def test_env_brings_the_crl_up_to_date(sipca: CommandLine) -> None:
    crl = Path(sipca("env", "--json").json["variables"]["SIPCA_CRL"])
    before = crl.read_bytes()

    sipca("crl", "--refresh")
    sipca("env")

    assert crl.read_bytes() != before


def test_the_bundle_for_servers_has_issuing_and_root_and_the_old_name_keeps_the_single_one(
    sipca: CommandLine,
) -> None:
    variables = sipca("env", "--json").json["variables"]

    single, bundle = (Path(variables[name]).read_text() for name in ("SIPCA_CRL", "SIPCA_CRLS"))

    assert single == sipca("crl").out
    assert bundle == single + sipca("crl", "--ca", "root").out
    assert bundle == sipca("crl", "--ca", "all").out


def test_after_a_rotation_of_the_root_the_bundle_has_the_crls_of_both_chains(
    sipca: CommandLine, tmp_path: Path, csr_file: Callable[..., Path]
) -> None:
    sipca("sign", csr_file("old", "dns:old.lab.example"), "--out", tmp_path / "out")
    assert sipca("ca", "rotate", "--root").exit == 0

    variables = sipca("env", "--json").json["variables"]

    assert Path(variables["SIPCA_CRL"]).read_text().count("BEGIN X509 CRL") == 2
    assert Path(variables["SIPCA_CRLS"]).read_text().count("BEGIN X509 CRL") == 4


def test_something_else_in_the_place_of_the_bundle_stays(sipca: CommandLine) -> None:
    path = Path(sipca("env", "--json").json["variables"]["SIPCA_CRLS"])
    path.write_text("mine")

    answer = sipca("env")

    assert answer.exit == 6
    assert "crls.pem' holds something that sipca did not write there" in answer.err
    assert path.read_text() == "mine"
