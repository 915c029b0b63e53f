"""Golden dialogues are true, README's tour among them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stand_in.lab import ROOT, SAMPLES
from stand_in.session import Step, play, steps

SESSIONS = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(SAMPLES, tmp_path / "samples")
    (tmp_path / "secret.txt").write_text("correct horse battery staple\n")
    return tmp_path


def tour() -> list[Step]:
    """The steps of README's tour."""
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return steps([line for block in blocks for line in block.splitlines()])


def test_every_command_of_readmes_tour_does_what_it_says_in_an_empty_folder(
    tmp_path: Path,
) -> None:
    found = tour()

    play(found, tmp_path)

    assert len(found) >= 10


def test_readmes_tour_can_be_pasted_into_one_shell_with_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "tour.sh").write_text("\n".join(step.command for step in tour()) + "\n")
    binaries = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    done = subprocess.run(
        ["script", "-qec", "bash --norc tour.sh", "/dev/null"],
        cwd=tmp_path,
        env={"PATH": binaries, "HOME": str(tmp_path), "LANG": "C.UTF-8", "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert "passphrase of" not in done.stdout  # else a pasted line would be taken for it
    assert done.stdout.rstrip().endswith(
        "keep asterisk/key.pem: it holds the key (the only copy: sipca keeps none)"
    ), done.stdout


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_a_session_is_as_it_was(folder: Path, session: Path) -> None:
    found = steps([line for line in session.read_text().splitlines() if not line.startswith("#")])

    play(found, folder)

    assert found


def test_there_is_a_session_for_every_exit_code_that_is_in_use() -> None:
    seen = {step.exit for path in SESSIONS for step in steps(path.read_text().splitlines())}

    assert seen >= {0, 2, 3, 4, 5, 6, 7, 8, 9}
