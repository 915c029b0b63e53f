"""Files of the operator's that cannot be taken: the reason in plain words, never a library's."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_in.lab import ROOT, SAMPLES, CommandLine

SIP = (ROOT / "profiles" / "sip.toml").read_text()


def checked(sipca: CommandLine, folder: Path, text: str) -> str:
    (folder / "own.toml").write_text(text)
    answer = sipca("profile", "check", folder / "own.toml")
    assert answer.exit == 3, answer.err
    return answer.err


def test_a_backdate_of_the_whole_lifetime_contradicts_it(
    sipca: CommandLine, tmp_path: Path
) -> None:
    said = checked(sipca, tmp_path, SIP.replace('"24h"', '"825d"'))

    assert "backdate 825d is not shorter than lifetime 825d" in said


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("critical = false", 'critical = "yes"', "a string in quotation marks, but true or false"),
        ('lifetime = "825d"', "lifetime = 825", "a whole number, but a string in quotation marks"),
        ('take = ["dns"', 'take = ["rid"', "'rid' is not an allowed value"),
        ('allow = ["rsa', 'allow = 5\n# ["rsa', "a whole number, but a list is expected"),
        ("schema = 1", f"schema = {'9' * 5000}", "a number is beyond 2147483648"),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(
    sipca: CommandLine, tmp_path: Path, old: str, new: str, says: str
) -> None:
    said = checked(sipca, tmp_path, SIP.replace(old, new, 1))

    assert says in said
    assert not any(word in said for word in ("enum", "'str'", "'bool'", "sys."))


def test_an_own_file_that_cannot_be_a_profile_is_said_to_be_none(
    sipca: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "home" / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / "My Profile.toml").write_text(SIP)

    answer = sipca("profile", "show", "My Profile")

    assert answer.exit == 3
    assert "'My Profile.toml'" in answer.err
    assert "rename the file" in answer.err


def names(sipca: CommandLine, tmp_path: Path, text: bytes) -> tuple[int, str]:
    (tmp_path / "n.csv").write_bytes(text)
    sources = (SAMPLES / "sbc1.csr", SAMPLES / "ec-p256.csr")
    answer = sipca(
        "sign", *sources, "--names", tmp_path / "n.csv", "--out", tmp_path / "out", "--dry-run"
    )
    return answer.exit, answer.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"source,device\nsbc1.csr," + b"d" * 200_000 + b"\n", "a cell is too long"),
        (b'source,device\nsbc1.csr,"d\n', "a quotation mark stands where none can"),
        (b"source,cn,cn\nsbc1.csr,x,y\n", "has the column 'cn' twice"),
        (b"source,device\nsbc1.csr,M\xfc\n", "not UTF-8 at octet 24"),
    ],
)
def test_a_names_file_is_refused_in_plain_words(
    sipca: CommandLine, tmp_path: Path, text: bytes, says: str
) -> None:
    code, said = names(sipca, tmp_path, text)

    assert code == 3
    assert says in said
    assert "hint:" in said


def test_a_names_file_with_the_line_ends_of_old_macs_is_read(
    sipca: CommandLine, tmp_path: Path
) -> None:
    code, said = names(sipca, tmp_path, b"source,device\rsbc1.csr,east\r")

    assert code == 0, said
