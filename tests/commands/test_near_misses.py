"""Words that are nearly right: what is meant is named, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import SAMPLES, CommandLine

Csr = Callable[..., Path]


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (["sgin"], "no such command 'sgin'", "did you mean 'sipca sign'?"),
        (["Sign"], "no such command 'Sign'", "did you mean 'sipca sign'?"),
        (["presign"], "no such command 'presign'", "did you mean 'sipca ocsp presign'?"),
        (["rotate"], "no such command 'rotate'", "did you mean 'sipca ocsp rotate', 'sipca scep rotate' or 'sipca ca rotate'?"),
        (["devices"], "no such command 'devices'", "did you mean 'sipca device list'?"),
        (["device", "shwo"], "'sipca device' has no command 'shwo'", "did you mean 'sipca device show'?"),
        (["zzzz"], "no such command 'zzzz'", "sipca --help"),
        (["ca", "zzzz"], "'sipca ca' has no command 'zzzz'", "sipca ca --help"),
        (["sign", "--profle", "sip"], "no such option: --profle", "did you mean '--profile'? sipca sign --help"),
        (["sign", "--dryrun"], "no such option: --dryrun", "did you mean '--dry-run'? sipca sign --help"),
        (["sign", "--replace_san"], "no such option: --replace_san", "did you mean '--replace-san'?"),
        (["device", "list", "--jsno"], "no such option: --jsno", "did you mean '--json'?"),
        (["--hoem", "x", "status"], "no such option: --hoem", "did you mean '--home'?"),
        (["--profile", "sip", "sign"], "no such option: --profile", "options of a command stand behind its name"),
        (["sign", "-x"], "no such option: -x", "sipca sign --help"),
        (["sign", "--allow"], "option '--allow' requires an argument", "sipca sign --help"),
    ],
)  # fmt: skip
def test_what_was_meant_is_named(bare: CommandLine, words: list[str], says: str, hint: str) -> None:
    answer = bare(*words, home=False)

    assert answer.exit == 2
    assert answer.err.startswith(f"error: {says}\nhint: {hint}")


def test_the_stem_of_a_file_that_was_written_names_its_certificate(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    csr_file("sbc1", cn="sbc1.lab.test").rename(folder / "sbc1.csr")

    batch = sipca("sign", folder, "--out", tmp_path / "kits")
    answer = sipca("export", "sbc1", "--out", tmp_path / "k")

    told = "no device was recorded: --names FILE.csv, or sipca device set NAME --certificate REF"
    assert told in batch.err
    assert answer.exit == 5
    assert "no certificate is known as 'sbc1'" in answer.err
    hint = "sbc1-device.pem is the certificate of sbc1.lab.test: sipca export sbc1.lab.test"
    assert f"hint: {hint}" in answer.err


def test_a_near_miss_is_told_in_json_too(bare: CommandLine) -> None:
    answer = bare("sgin", "--json", home=False)

    assert json.loads(answer.err)["error"] == {
        "kind": "usage", "message": "no such command 'sgin'",
        "hint": "did you mean 'sipca sign'?", "exit": 2,
    }  # fmt: skip


@pytest.mark.parametrize("words", [["device"], ["ca"], []])
def test_a_group_without_its_command_says_so_in_json(bare: CommandLine, words: list[str]) -> None:
    answer = bare(*words, "--json", home=False)

    assert answer.exit == 2
    assert json.loads(answer.err)["error"]["kind"] == "usage"


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (["-out", "x"], "'-out' has one dash, but long options have two", "did you mean --out? Write -o ut if you mean -o"),
        (["-out=x"], "'-out' has one dash", "did you mean --out?"),
        (["-output", "x"], "'-output' has one dash", "did you mean --output?"),
        (["-ouput", "x"], "'-ouput' has one dash", "did you mean --output?"),
        (["-profile", "sip"], "'-profile' has one dash", "did you mean --profile?"),
        (["-json"], "'-json' has one dash", "did you mean --json?"),
        (["-o=x"], "'-o=x' has a = that would belong to the value", "write it as -o x"),
    ],
)  # fmt: skip
def test_a_long_option_with_one_dash_writes_nothing(
    sipca: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    words: list[str], says: str, hint: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())

    answer = sipca("sign", SAMPLES / "sbc1.csr", *words)

    assert answer.exit == 2
    assert f"error: {says}" in answer.err
    assert f"hint: {hint}" in answer.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_short_option_takes_its_value_attached_as_before(
    sipca: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert sipca("sign", SAMPLES / "sbc1.csr", "-oout").exit == 0
    assert sipca("sign", SAMPLES / "sbc1.csr", "-osbc1.pem").exit == 0

    assert (tmp_path / "out").read_bytes() == (tmp_path / "sbc1.pem").read_bytes()


def test_a_value_that_looks_like_an_option_with_one_dash_is_a_value(
    sipca: CommandLine, tmp_path: Path
) -> None:
    assert sipca("sign", SAMPLES / "sbc1.csr", "--out", tmp_path / "-out").exit == 0
    answer = sipca("list", "--device", "-out", "--json")

    assert answer.json["certificates"] == []


@pytest.mark.parametrize(
    "words",
    [
        ["sign", SAMPLES / "sbc1.csr", "--profile", "SIP", "--target", "AudioCodes-7.4", "--again"],
        ["sign", SAMPLES / "sbc1.csr", "--allow", "Weak-Key", "--lifetime", "90D", "--again"],
        ["csr", "show", SAMPLES / "sbc1.csr", "--profile", "SIP", "--for", "GENERIC"],
        ["list", "--status", "Superseded", "--profile", "Sip"],
        ["profile", "show", "SIP"],
        ["target", "show", "Generic"],
        ["rule", "show", "WEAK-KEY"],
        ["ca", "set", "--target", "Generic"],
        ["chain", "--format", "PEM"],
    ],
)  # fmt: skip
def test_what_is_chosen_from_a_list_may_be_typed_in_capitals(
    sipca: CommandLine, words: list[object]
) -> None:
    answer = sipca(*words)

    assert answer.exit == 0, answer.err


def test_the_register_has_the_name_of_the_profile_and_the_target(
    sipca: CommandLine, csr_file: Csr
) -> None:
    sipca("device", "set", "gw1", "--target", "GENERIC")
    sipca("sign", csr_file("x", cn="gw1.lab.example"), "--profile", "SIP", "--device", "gw1")

    assert sipca("list", "--json").json["certificates"][0]["profile"] == "sip"
    assert sipca("device", "show", "gw1", "--json").json["device"]["target"] == "generic"


def test_a_key_and_a_reason_may_be_typed_in_capitals(sipca: CommandLine, tmp_path: Path) -> None:
    issued = sipca("issue", "p.lab.example", "--key", "RSA:2048", "--out", tmp_path / "o")
    revoked = sipca("revoke", "p.lab.example", "--reason", "KEY-compromise")

    assert (issued.exit, revoked.exit) == (0, 0), issued.err + revoked.err
