"""A REF or device that is nearly a known one: what was probably meant is named, nothing is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_in.lab import SAMPLES, CommandLine

CSR = SAMPLES / "sbc1.csr"


@pytest.fixture
def with_sbc1(sipca: CommandLine) -> CommandLine:
    assert sipca("sign", CSR, "--device", "sbc1").exit == 0
    return sipca


@pytest.mark.parametrize(
    "words",
    [
        ("show", "scb1"),
        ("rekey", "scb1", "--csr", CSR, "--out", "o"),
        ("revoke", "scb1"),
        ("release", "scb1"),
        ("export", "scb1", "--out", "o"),
        ("renew", "scb1", "--out", "o"),
    ],
)
def test_a_ref_near_a_device_s_name_names_the_device(
    with_sbc1: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    words: tuple[object, ...],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)

    answer = with_sbc1(*words)

    assert answer.exit == 5
    assert "no certificate is known as 'scb1' [ref-unknown]" in answer.err
    assert "hint: did you mean sbc1?" in answer.err
    assert not (tmp_path / "o").exists()


def test_a_ref_near_the_name_in_a_certificate_names_it(with_sbc1: CommandLine) -> None:
    answer = with_sbc1("show", "sbc1.lab.exmple")

    assert answer.exit == 5
    assert "did you mean sbc1.lab.example?" in answer.err


@pytest.mark.parametrize("ref", ["sbc2", "gateway", "zz", "\x1b[31m", "x" * 5000])
def test_a_ref_like_nothing_is_not_taken_for_a_name(with_sbc1: CommandLine, ref: str) -> None:
    answer = with_sbc1("show", ref)

    assert answer.exit == 5
    assert "did you mean" not in answer.err
    assert "\x1b[31m" not in answer.err


@pytest.mark.parametrize("word", ["show", "crib", "remove"])
def test_a_device_near_a_known_one_names_it(with_sbc1: CommandLine, word: str) -> None:
    answer = with_sbc1("device", word, "scb1")

    assert answer.exit == 5
    assert "there is no device 'scb1' [device-unknown]" in answer.err
    assert "did you mean sbc1?" in answer.err
