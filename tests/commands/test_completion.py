"""Completion in real bash, zsh and fish, with names from the register."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import ROOT, CommandLine

Csr = Callable[..., Path]


@pytest.fixture
def lab(sipca: CommandLine, csr_file: Csr, tmp_path: Path) -> CommandLine:
    """A device with one certificate, and ``sipca`` on the PATH of the shells."""
    source = csr_file("x", "dns:sbc1.lab.example", cn="gate.lab.example")
    assert sipca("sign", source, "--device", "sbc1").exit == 0
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "sipca"
    program.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c "from cli.main import main; main()" "$@"\n'
    )
    program.chmod(0o755)
    return sipca


def shell(lab: CommandLine, name: str, script: str) -> list[str]:
    folder = lab.home.parent
    environment = {
        **os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
        "SIPCA_HOME": str(lab.home), "HOME": str(folder), "TERM": "dumb",
    }  # fmt: skip
    path = shutil.which(name)
    assert path is not None, f"{name} is installed by scripts/test"
    words = [path, *(["--no-config"] if name == "fish" else []), "-c", script]
    done = subprocess.run(
        words, env=environment, capture_output=True, text=True, timeout=60, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def bash(lab: CommandLine, *words: str) -> list[str]:
    return shell(
        lab, "bash",
        f"source <(sipca completion bash); COMP_LINE='sipca {' '.join(words)}';"
        " COMP_POINT=${#COMP_LINE};"
        ' _sipca_complete; printf "%s\\n" "${COMPREPLY[@]}"',
    )  # fmt: skip


def zsh(lab: CommandLine, *words: str) -> list[str]:
    quoted = " ".join(f"'{word}'" for word in words)
    return shell(
        lab, "zsh",
        "compdef() { :; }; _files() { print FILES; }; compadd() { shift; print -l -- ${(P)1}; };"
        f' eval "$(sipca completion zsh)"; words=(sipca {quoted}); CURRENT={len(words) + 1}; _sipca',
    )  # fmt: skip


def fish(lab: CommandLine, *words: str) -> list[str]:
    return shell(
        lab, "fish", f"sipca completion fish | source; complete -C 'sipca {' '.join(words)}'"
    )


@pytest.mark.parametrize("complete", [bash, zsh, fish])
def test_commands_options_profiles_devices_and_refs_complete(
    lab: CommandLine, complete: Callable[..., list[str]]
) -> None:
    assert complete(lab, "pref") == ["preflight"]
    assert complete(lab, "csr", "s") == ["show"]
    assert complete(lab, "sign", "--prof") == ["--profile"]
    assert complete(lab, "sign", "--profile", "sip-") == ["sip-client", "sip-domain", "sip-server"]
    assert complete(lab, "sign", "--device", "s") == ["sbc1"]
    assert complete(lab, "show", "sb") == ["sbc1", "sbc1.lab.example"]
    assert complete(lab, "revoke", "ga") == ["gate.lab.example"]
    assert complete(lab, "export", "sbc1", "--target", "audiocodes-7.4") == ["audiocodes-7.4"]


def test_where_a_file_may_stand_the_shell_completes_files(lab: CommandLine) -> None:
    (lab.home.parent / "request.csr").write_text("x")

    assert bash(lab, "sign", "req") == []  # -o default: bash itself goes on
    assert zsh(lab, "sign", "req") == ["FILES"]
    assert fish(lab, "sign", "req") == ["request.csr"]


def test_completing_is_silent_whatever_is_wrong(bare: CommandLine) -> None:
    for words in (("show", "x"), ("nothing", "x"), ("sign", "--device", ""), ("--home",), ()):
        answer = bare("__complete", *words, home=False)
        assert (answer.exit, answer.err) == (0, "")


def test_another_shell_is_named(bare: CommandLine) -> None:
    answer = bare("completion", "tcsh", home=False)

    assert answer.exit == 2
    assert "not one of bash, zsh, fish" in answer.err
