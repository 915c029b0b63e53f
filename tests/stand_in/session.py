"""Golden dialogues: ``$ command``, what it prints (stdout, then stderr), ``? N`` for its exit code.

``...`` stands for any text, as in doctest.
"""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Step(NamedTuple):
    """One command of a dialogue."""

    command: str
    expected: str
    exit: int


def steps(lines: list[str]) -> list[Step]:
    """The steps of a dialogue."""
    found: list[Step] = []
    for line in lines:
        if line.startswith("$ "):
            found.append(Step(line[2:], "", 0))
        elif line.startswith("? "):
            found[-1] = found[-1]._replace(exit=int(line[2:]))
        elif found:
            found[-1] = found[-1]._replace(expected=f"{found[-1].expected}{line}\n")
    return found


def play(found: list[Step], folder: Path) -> None:
    """Run a dialogue in a folder and hold it against what was expected."""
    binaries = Path(sys.executable).parent
    environment = {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "HOME": str(folder),
        "SIPCA_NO_INPUT": "1",
        "SIPCA_HOME": str(folder / "home"),
        "LANG": "C.UTF-8",
    }
    for step in found:
        done = subprocess.run(
            ["bash", "-c", step.command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        got = done.stdout + done.stderr
        assert done.returncode == step.exit, f"$ {step.command}\n{got}"
        checker = doctest.OutputChecker()
        example = doctest.Example(step.command, step.expected)
        if not checker.check_output(example.want, got or "\n", FLAGS):
            raise AssertionError(
                f"$ {step.command}\n" + checker.output_difference(example, got, FLAGS)
            )
