"""Golden dialogues are true, README's tour among them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from stand_in.lab import ROOT, SAMPLES
from stand_in.session import play, steps

SESSIONS = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(SAMPLES, tmp_path / "samples")
    (tmp_path / "secret.txt").write_text("correct horse battery staple\n")
    return tmp_path


def test_every_command_of_readmes_tour_does_what_it_says_in_an_empty_folder(
    tmp_path: Path,
) -> None:
    text = (ROOT / "README.md").read_text()
    lines = [
        line
        for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]

    found = steps(lines)
    play(found, tmp_path)

    assert len(found) >= 10


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_a_session_is_as_it_was(folder: Path, session: Path) -> None:
    found = steps([line for line in session.read_text().splitlines() if not line.startswith("#")])

    play(found, folder)

    assert found


def test_there_is_a_session_for_every_exit_code_that_is_in_use() -> None:
    seen = {step.exit for path in SESSIONS for step in steps(path.read_text().splitlines())}

    assert seen >= {0, 2, 3, 4, 5, 6, 7, 8, 9}
