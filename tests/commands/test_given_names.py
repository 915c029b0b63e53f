"""Errors about names speak of where the names were given: options, rows of a CSV, lab files."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_in.lab import SAMPLES, CommandLine

CSR = SAMPLES / "sbc1.csr"


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (("--san", "dns:10.1.1.3"), "--san dns:10.1.1.3 is an address", "did you mean --san ip:10.1.1.3?"),
        (("--san", "dns:sbc_1.lab"), "--san dns:sbc_1.lab has an underscore", "rename the host"),
        (("--san", "email:sbc1"), "--san email:sbc1 has no '@'", "did you mean --san dns:sbc1?"),
        (("--san", "dns:x..y"), "--san dns:x..y has an empty label", "give the name that peers dial"),
        (("--san", "ip:0.0.0.0"), "--san ip:0.0.0.0 is in 0.0.0.0/8", "give the name that peers dial"),
        (("--san", "uri:foo:bar"), "--san uri:foo:bar has the scheme foo", "correct it, or add the scheme"),
        (("--san", "uri:" + "sip:a@lab.example;x=" + "y" * 3000), "--san uri:sip:a@lab.example", "shorten it"),
        (("--cn", "sbc_1.lab.example"), "--cn sbc_1.lab.example has an underscore", "give the name that peers dial"),
        (("--cn", "host.lab:5061"), "--cn host.lab:5061 ends with a port", "give it without: --cn host.lab"),
        (("--cn", "a" * 70), "--cn has 70 characters", "give a shorter --cn"),
        (("--cn", "a\u202eb"), "--cn a\\u202eb holds invisible", "type CN again"),
    ],
)  # fmt: skip
def test_a_refused_name_of_an_option_is_called_as_it_was_given(
    sipca: CommandLine, words: tuple[str, str], says: str, hint: str
) -> None:
    answer = sipca("sign", CSR, *words)

    assert answer.exit == 4
    assert f"error: {says}" in answer.err
    assert f"hint: {hint}" in answer.err
    assert "CSR's" not in answer.err


def test_a_warning_about_a_given_name_speaks_of_the_option(sipca: CommandLine) -> None:
    answer = sipca("sign", CSR, "--san", "ip:127.0.0.1", "--dry-run")

    assert "warning: --san ip:127.0.0.1 is an address that means a different machine" in answer.err


def test_a_name_of_the_request_is_still_that_of_the_csr(sipca: CommandLine) -> None:
    answer = sipca("sign", SAMPLES / "email-typed-host.csr", "--san", "ip:10.1.1.3")

    assert answer.exit == 4
    assert "the CSR's SAN email 'sbc3.lab.example' has no '@'" in answer.err


@pytest.mark.parametrize("separator", [",", ", ", ";"])
def test_two_names_in_one_option_are_not_one(sipca: CommandLine, separator: str) -> None:
    answer = sipca("sign", CSR, "--san", f"dns:a.lab{separator}ip:10.1.1.3")

    assert answer.exit == 2
    assert "is more than one name" in answer.err
    assert "hint: repeat --san: --san dns:a.lab --san ip:10.1.1.3" in answer.err


@pytest.mark.parametrize(
    ("cell", "exit_code", "says", "hint"),
    [
        ("dns:10.1.1.3", 4, "dns:10.1.1.3 is an address", "did you mean ip:10.1.1.3?"),
        ("dns:a.lab,ip:10.1.1.3", 3, "'dns:a.lab,ip:10.1.1.3' is more than one name",
         "put ; between them: dns:a.lab;ip:10.1.1.3"),
        ("sbc1", 3, "'sbc1' is not of the form KIND:VALUE", "did you mean dns:sbc1?"),
    ],
)  # fmt: skip
def test_a_refused_name_of_a_csv_is_called_by_its_line_and_column(
    sipca: CommandLine, tmp_path: Path, cell: str, exit_code: int, says: str, hint: str
) -> None:
    file = tmp_path / "names.csv"
    file.write_text(f'source,san\nsbc1.csr,"{cell}"\n')

    answer = sipca("sign", CSR, "--names", file)

    assert answer.exit == exit_code
    assert f"error: {file} line 2, column san: {says}" in answer.err
    assert f"hint: {hint}" in answer.err


def test_a_cn_of_a_csv_is_called_by_its_line_and_column(sipca: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "names.csv"
    file.write_text("source,cn\nsbc1.csr,sbc_1.lab.example\n")

    answer = sipca("sign", CSR, "--names", file)

    assert answer.exit == 4
    assert f"error: {file} line 2, column cn: sbc_1.lab.example has an underscore" in answer.err


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a_b.lab", "'a_b.lab' has an underscore"),
        ("0.0.0.0", "'0.0.0.0' is in 0.0.0.0/8"),
        ("x..y", "'x..y' has an empty label"),
    ],
)
def test_a_refused_name_of_issue_is_called_as_it_was_given(
    sipca: CommandLine, tmp_path: Path, name: str, says: str
) -> None:
    answer = sipca("issue", name, "--out", tmp_path / "out")

    assert answer.exit == 4
    assert f"error: {says}" in answer.err
    assert "SAN" not in answer.err


def test_a_refused_name_of_a_lab_file_is_called_by_its_key(
    sipca: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "lab.toml"
    file.write_text(
        f'schema = 1\n[[certificate]]\ncsr = "{CSR}"\nout = "up"\nsan = ["dns:10.1.1.3"]\n'
    )

    answer = sipca("apply", file)

    assert answer.exit == 4
    assert "san: dns:10.1.1.3 is an address" in answer.err
    assert "CSR's" not in answer.err
