"""Lab files that attack or mislead: what they name is judged before anything is made."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import CommandLine

ENTRY = '[[certificate]]\nissue = ["a.lab.example"]\n'


def applied(sipca: CommandLine, folder: Path, text: str | bytes) -> tuple[int, str]:
    data = text if isinstance(text, bytes) else f"schema = 1\n{text}".encode()
    (folder / "lab.toml").write_bytes(data)
    answer = sipca("apply", folder / "lab.toml")
    return answer.exit, answer.err


def dangling(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def a_file(path: Path) -> None:
    path.write_text("notes")


@pytest.mark.parametrize(
    ("make", "words"),
    [(dangling, "it is a dangling symbolic link"), (a_file, "it is not a folder")],
)
@pytest.mark.parametrize("below", ["", "/deeper/still"])
def test_an_out_that_is_no_folder_is_refused_with_a_hint(
    sipca: CommandLine, tmp_path: Path, make: Callable[[Path], None], words: str, below: str
) -> None:
    make(tmp_path / "out")

    code, said = applied(sipca, tmp_path, f'{ENTRY}out = "out{below}"\n')

    assert code == 8
    assert f"'{tmp_path / 'out'}' cannot be written: {words}" in said
    assert "hint: " in said
    assert sipca("list", "--all", "--json").json["certificates"] == []


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (f'{ENTRY}lifetime = "never"\nout = "o"\n', "certificate[0].lifetime: 'never' is not a duration"),
        (f'{ENTRY}lifetime = -5\nout = "o"\n', "certificate[0].lifetime: this is a whole number"),
        ('[[certificate]]\nissue = "a.lab"\nout = "o"\n', "certificate[0].issue: this is a string"),
        ('[[certificate]]\nissue = ["\u00e9\u202e.lab"]\nout = "o"\n', "certificate[0].issue[0]: "),
        ('[[certificate]]\ncsr = "pipe"\nout = "o"\n', "certificate[0].csr: "),
        ('[[certificate]]\ncsr = "/dev/zero"\nout = "o"\n', "is a pipe or a device, not a regular file"),
        ('[[certificate]]\ncsr = "."\nout = "o"\n', "is a folder, not a regular file"),
        ('[[certificate]]\ncsr = "secret"\nout = "o"\n', "the input holds no CSR"),
        ('[[certificate]]\ncsr = "r.csr"\nsan = ["dns:a", "nonsense"]\nout = "o"\n', "certificate[0].san[1]: "),
        (f'{ENTRY}issue = ["b"]\nout = "o"\n', "is not TOML"),
        (f'{ENTRY}out = "a\\u0000b"\n', "certificate[0].out: "),
        ("x = " + "[" * 5_000, "is nested deeper than 32"),
        ("# " + "x" * 300_000, "octets, the most that is read"),
    ],
)  # fmt: skip
def test_what_an_entry_cannot_be_is_named_by_its_key(
    sipca: CommandLine, tmp_path: Path, entry: str, words: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "secret").write_text("root:hunter2:0:0\n")

    code, said = applied(sipca, tmp_path, entry)

    assert code == 3
    assert words in said
    assert "hunter2" not in said
    assert sipca("list", "--all", "--json").json["certificates"] == []
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("data", [b"\xff\xfe", b"schema = 1\n\x00"], ids=["utf-16", "nul"])
def test_what_is_no_text_is_no_lab_file(sipca: CommandLine, tmp_path: Path, data: bytes) -> None:
    code, _ = applied(sipca, tmp_path, data)

    assert code == 3


def test_a_device_s_name_is_a_name_and_never_a_path(sipca: CommandLine, tmp_path: Path) -> None:
    inside = tmp_path / "lab" / "files"
    inside.mkdir(parents=True)
    text = f'[[device]]\nname = "../../x"\n{ENTRY}device = "../../x"\nout = "o"\n'

    code, _ = applied(sipca, inside, text)

    assert code == 0
    assert {path.name for path in tmp_path.iterdir()} <= {"lab", "home"}
    assert {path.name for path in inside.iterdir()} == {"lab.toml", "o"}


def test_a_lab_without_a_passphrase_leaves_nothing_that_looks_like_an_operator_s(
    bare: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "lab.toml").write_text(f'schema = 1\n{ENTRY}out = "o"\n')

    refused = bare("apply", tmp_path / "lab.toml")
    then = bare("list")
    made = bare("init", "--no-passphrase", "--root-key", "ec:p256", "--issuing-key", "ec:p256")

    assert (refused.exit, then.exit, made.exit) == (7, 5, 0)
    assert "which holds" not in then.err
