"""Kills between any two steps of changing the passphrase and of moving the root's key away."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stand_in.lab import ENVIRONMENT, CommandLine

DRIVER = """
import os, signal, sys
from pathlib import Path
from ca.authority.keeping.passphrase import change_passphrase
from ca.authority.keeping.root_key import drop_root_key, export_root_key
from ca.authority.home import Environment, open_home

act, home, file, step = sys.argv[1:]

def die(name):
    if name == step:
        os.kill(os.getpid(), signal.SIGKILL)

def old(purpose, *, new=False):
    return b"old horse"

def new(purpose, *, new=False):
    return b"new horse"

with open_home(Path(home), Environment(passphrase=old, step=die)) as opened:
    if act == "passphrase":
        change_passphrase(opened, new)
    elif act == "export":
        export_root_key(opened, Path(file), None)
    else:
        drop_root_key(opened, Path(file))
"""
SMALL = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")


def killed_at(act: str, home: Path, file: Path, step: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, act, home, file, step],
        env=ENVIRONMENT, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture
def locked(bare: CommandLine, tmp_path: Path) -> CommandLine:
    """A home with a passphrase, and files with the old and a new one."""
    for name in ("old", "new"):
        (tmp_path / name).write_text(f"{name} horse")
    answer = bare("init", "--passphrase-file", tmp_path / "old", *SMALL)
    assert answer.exit == 0, answer.err
    return bare


def opens(sipca: CommandLine, passphrase: Path) -> list[int]:
    words = ("--refresh", "--lifetime", "2y", "--passphrase-file", passphrase)
    return [sipca("crl", "--ca", ca, *words).exit for ca in ("root", "issuing")]


@pytest.mark.parametrize(
    ("step", "changed"),
    [("passphrase-derived", False), ("passphrase-recorded", True), ("passphrase-wiped", True)],
)
def test_a_killed_change_of_the_passphrase_changed_both_keys_or_none(
    locked: CommandLine, tmp_path: Path, step: str, changed: bool
) -> None:
    killed_at("passphrase", locked.home, tmp_path / "unused", step)

    right, wrong = ("new", "old") if changed else ("old", "new")
    assert opens(locked, tmp_path / wrong) == [7, 7]
    assert opens(locked, tmp_path / right) == [0, 0]
    assert locked("log", "--verify").exit == 0


def test_the_next_command_wipes_what_a_kill_left_in_the_log(
    locked: CommandLine, tmp_path: Path
) -> None:
    import sqlite3

    with sqlite3.connect(locked.home / "ca.db") as connection:
        (before,) = connection.execute("SELECT pkcs8 FROM key ORDER BY id").fetchone()
    connection.close()
    killed_at("passphrase", locked.home, tmp_path / "unused", "passphrase-recorded")

    assert locked("status").exit == 0

    left = b"".join(each.read_bytes() for each in locked.home.iterdir() if each.is_file())
    assert before not in left


@pytest.mark.parametrize("step", ["root-key-written", "root-key-exported"])
def test_a_killed_export_leaves_a_whole_file_and_the_key_here(
    locked: CommandLine, tmp_path: Path, step: str
) -> None:
    killed_at("export", locked.home, tmp_path / "root.key", step)

    assert opens(locked, tmp_path / "old") == [0, 0]
    dropped = locked("ca", "drop-root-key", "--exported", tmp_path / "root.key", "--passphrase-file", tmp_path / "old")  # fmt: skip
    assert dropped.exit == 0, dropped.err


@pytest.mark.parametrize(
    ("step", "dropped"),
    [("root-key-read-back", False), ("root-key-dropped", True), ("root-key-wiped", True)],
)
def test_a_killed_drop_leaves_the_key_here_or_away(
    locked: CommandLine, tmp_path: Path, step: str, dropped: bool
) -> None:
    file, secret = tmp_path / "root.key", ("--passphrase-file", tmp_path / "old")
    assert opens(locked, tmp_path / "old") == [0, 0]
    assert locked("ca", "export-root-key", file, *secret).exit == 0
    killed_at("drop", locked.home, file, step)

    assert opens(locked, tmp_path / "old") == ([7, 0] if dropped else [0, 0])
    brought = locked("crl", "--ca", "root", "--refresh", "--root-key-file", file, *secret)
    assert brought.exit == 0
    assert locked("log", "--verify").exit == 0
    again = locked("ca", "drop-root-key", "--exported", file, *secret)
    assert again.exit == (6 if dropped else 4), again.err  # the CRL just made holds half a year
