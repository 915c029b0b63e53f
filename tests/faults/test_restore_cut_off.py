"""Kills between any two steps of a backup and a restore: nothing is half there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stand_in.lab import ENVIRONMENT, CommandLine, make_csr

DRIVER = """
import os, signal, sys
from pathlib import Path
from ca.authority.keeping.backup import backup
from ca.authority.keeping.restore import RestoreWishes, restore
from ca.authority.home import Environment, no_passphrase, open_home

act, home, file, step = sys.argv[1:]

def die(name):
    if name == step:
        os.kill(os.getpid(), signal.SIGKILL)

environment = Environment(passphrase=no_passphrase, step=die)
if act == "backup":
    with open_home(Path(home), environment) as opened:
        backup(opened, Path(file))
else:
    restore(Path(home), RestoreWishes(Path(file)), environment)
"""


def killed_at(act: str, home: Path, file: Path, step: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, act, home, file, step],
        env=ENVIRONMENT, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture
def backed_up(sipca: CommandLine, tmp_path: Path) -> Path:
    """A backup of a home with a certificate and an own profile."""
    (tmp_path / "sbc1.csr").write_bytes(make_csr(cn="sbc1.lab.example"))
    assert sipca("sign", tmp_path / "sbc1.csr").exit == 0
    assert sipca("profile", "new", "mine", "--from", "sip").exit == 0
    assert sipca("backup", tmp_path / "b").exit == 0
    return tmp_path / "b"


@pytest.mark.parametrize("step", ["restore-unpacked", "restore-examined", "restore-entered", "restore-files"])  # fmt: skip
def test_a_restore_that_is_killed_leaves_no_ca_and_goes_through_when_repeated(
    backed_up: Path, tmp_path: Path, step: str
) -> None:
    new = CommandLine(tmp_path / "new")
    killed_at("restore", new.home, backed_up, step)

    status, init = new("status"), new("init", "--no-passphrase")
    again = new("restore", backed_up)

    assert (status.exit, init.exit, again.exit) == (5, 5, 0), (status, init, again)
    assert "was not finished" in status.err
    assert "run sipca restore FILE again" in init.err
    assert sorted(path.name for path in new.home.iterdir()) == ["ca.db", "profiles"]
    assert new("log", "--verify").exit == 0
    assert new("sign", tmp_path / "sbc1.csr", "--again").exit == 0


def test_a_restore_that_is_killed_after_the_link_is_there_as_a_whole(
    backed_up: Path, tmp_path: Path
) -> None:
    new = CommandLine(tmp_path / "new")
    killed_at("restore", new.home, backed_up, "restore-linked")

    assert new("log", "--verify").exit == 0
    assert new("sign", tmp_path / "sbc1.csr", "--again").exit == 0
    assert (new.home / "profiles" / "mine.toml").exists()
    assert new("check").exit == 9  # the gap is not acknowledged
    assert new("restore", backed_up).exit == 6
    assert new("check", "--acknowledge", "restored-gap").exit == 0
    assert sorted(path.name for path in new.home.iterdir()) == ["ca.db", "profiles"]


@pytest.mark.parametrize(("step", "written"), [("backup-copied", False), ("backup-written", True)])
def test_a_backup_that_is_killed_is_whole_or_not_there(
    sipca: CommandLine, tmp_path: Path, step: str, written: bool
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    killed_at("backup", sipca.home, folder / "b", step)

    assert (folder / "b").exists() is written
    if written:
        assert sipca("backup", folder / "b", "--verify").exit == 0
    assert sipca("log", "--verify").exit == 0
    left = list(folder.glob(".sipca-backup-*"))
    assert len(left) == (0 if written else 1)  # a private folder
    for each in left:
        assert each.stat().st_mode & 0o077 == 0
        os.utime(each, (0, 0))
    assert sipca("backup", folder / "c").exit == 0
    assert list(folder.glob(".sipca-backup-*")) == []


def test_of_two_restores_at_once_one_wins(backed_up: Path, tmp_path: Path) -> None:
    new = CommandLine(tmp_path / "new")
    words = [sys.executable, "-c", DRIVER, "restore", new.home, backed_up, "never"]
    running = [subprocess.Popen(words, env=ENVIRONMENT, stderr=subprocess.PIPE) for _ in range(2)]
    codes = sorted(bool(each.communicate(timeout=120) and each.returncode) for each in running)

    assert codes == [False, True]
    assert new("log", "--verify").exit == 0
    assert sorted(path.name for path in new.home.iterdir()) == ["ca.db", "profiles"]


@pytest.mark.parametrize("most", [60_000, 100_000])
def test_a_full_disk_leaves_neither_a_backup_nor_a_home(
    sipca: CommandLine, backed_up: Path, tmp_path: Path, most: int
) -> None:
    import resource

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    folder, run = tmp_path / "backups", "from cli.main import main; main()"
    folder.mkdir()
    for words in (
        ("backup", folder / "c", "--home", sipca.home),
        ("restore", backed_up, "--home", tmp_path / "new"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", run, *map(str, words)],
            env=ENVIRONMENT, capture_output=True, text=True, preexec_fn=limited, timeout=120,
        )  # fmt: skip
        assert done.returncode == 8, done.stderr
        assert "cannot be written" in done.stderr
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "new").exists()
    assert sipca("log", "--verify").exit == 0
