"""Kills at each named step of an import: no CA or the whole one, no certificates or all."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stand_in.lab import ENVIRONMENT, CommandLine
from stand_in.other_programs import OpenSSLCA

DRIVER = """
import os, signal, sys
from pathlib import Path
from ca.authority.importing.imports import ImportWishes, import_ca
from ca.authority.home import Environment, no_passphrase

home, tree, step = sys.argv[1:]

def die(name):
    if name == step:
        os.kill(os.getpid(), signal.SIGKILL)

wishes = ImportWishes(openssl=(Path(tree),), protect="none")
import_ca(Path(home), wishes, Environment(passphrase=no_passphrase, step=die))
"""
STEPS = (
    "import-cas", "import-recorded", "import-committed", "signer-planned", "signer-recorded",
    "crl-numbered", "crl-published", "import-built", "import-linked",
)  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> OpenSSLCA:
    """A one-tier CA with a good and a revoked certificate."""
    ca = OpenSSLCA(tmp_path_factory.mktemp("tree") / "ca")
    ca.sign("good")
    ca.sign("bad")
    ca.revoke("bad")
    return ca


def kill(home: Path, tree: OpenSSLCA, step: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(home), str(tree.path), step],
        env=ENVIRONMENT, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_import_leaves_no_ca_or_the_whole_one(
    bare: CommandLine, tree: OpenSSLCA, step: str
) -> None:
    kill(bare.home, tree, step)

    whole = step == "import-linked"
    assert (bare.home / "ca.db").exists() == whole
    if not whole:
        assert bare("import", "--openssl", tree.path, "--no-passphrase").exit == 0
    assert bare("log", "--verify").exit == 0
    assert bare("check").exit == 0
    listed = bare("list", "--all", "--json").json["certificates"]
    assert sorted(each["status"] for each in listed) == ["revoked", "valid"]


@pytest.mark.parametrize("step", ["import-recorded", "import-committed", "crl-signed"])
def test_a_killed_addition_leaves_all_or_nothing_and_is_made_whole_by_the_next_call(
    bare: CommandLine, tmp_path: Path, step: str
) -> None:
    ca = OpenSSLCA(tmp_path / "ca")
    assert bare("import", "--openssl", ca.path, "--no-passphrase").exit == 0
    ca.sign("good")
    ca.sign("bad")
    ca.revoke("bad")

    kill(bare.home, ca, step)

    count = len(bare("list", "--all", "--json").json["certificates"])
    assert count == (0 if step == "import-recorded" else 2)
    assert bare("log", "--verify").exit == 0
    assert bare("import", "--openssl", ca.path).exit == 0
    assert bare("crl", "--ca", "root").exit == 0
    assert len(bare("list", "--all", "--json").json["certificates"]) == 2
    assert bare("check").exit == 0
