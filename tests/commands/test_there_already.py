"""What is there already with the same content is not said to be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import CommandLine

Csr = Callable[..., Path]


def test_a_second_sign_says_that_the_files_are_there(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    source, out = csr_file("sbc1"), tmp_path / "up"
    first = sipca("sign", source, "--out", out)

    second = sipca("sign", source, "--out", out)

    assert f"wrote {out / 'sbc1-device.pem'}" in first.err
    assert "wrote" not in second.err
    assert f"there already {out / 'sbc1-device.pem'}" in second.err
    assert f"there already {out / 'trusted-root.pem'}" in second.err


def test_a_second_device_writes_its_own_file_beside_the_trust_file_that_is_there(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    out = tmp_path / "up"
    sipca("sign", csr_file("sbc1"), "--out", out)

    answer = sipca("sign", csr_file("sbc2", cn="sbc2.lab.example"), "--out", out, "--json")

    (signed,) = answer.json["signed"]
    assert signed["files"]["unchanged"] == [str(out / "trusted-root.pem")]


def test_a_second_export_says_that_the_files_are_there(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    sipca("sign", csr_file("sbc1"), "--device", "sbc1")
    words = ("export", "sbc1", "--out", tmp_path / "e")
    assert "there already" not in sipca(*words).out

    answer = sipca(*words)

    assert answer.exit == 0, answer.err
    assert "wrote" not in answer.out
    assert f"there already {tmp_path / 'e' / 'sbc1-device.pem'}" in answer.out
    assert sipca(*words, "--json").json["unchanged"] == sipca(*words, "--json").json["files"]


@pytest.mark.parametrize("words", [("chain",), ("crl",), ("crl", "--ca", "all")])
def test_chain_and_crl_say_that_their_file_is_there(
    sipca: CommandLine, tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = tmp_path / "made.pem"
    first = sipca(*words, "-o", path)

    second = sipca(*words, "-o", path)

    assert f"wrote {path}" in first.out + first.err
    assert f"there already {path}" in second.out + second.err


def test_export_kit_zip_and_renewal_of_an_issued_certificate_have_the_names_of_its_first_files(
    sipca: CommandLine, tmp_path: Path
) -> None:
    name = "gw2.lab.example-device.pem"
    sipca("issue", "gw2.lab.example", "--key", "rsa:2048", "--out", tmp_path / "i")

    sipca("export", "gw2.lab.example", "--out", tmp_path / "e")
    sipca("export", "gw2.lab.example", "--out", tmp_path / "k", "--target", "audiocodes-7.4")
    sipca("export", "gw2.lab.example", "--out", tmp_path / "z", "--target", "generic", "--zip")
    renewed = sipca("renew", "gw2.lab.example", "--out", tmp_path / "r")

    assert renewed.exit == 0, renewed.err
    for folder in ("i", "e", "k", "r"):
        assert (tmp_path / folder / name).is_file()
    assert (tmp_path / "z" / "gw2.lab.example-upload.zip").is_file()
