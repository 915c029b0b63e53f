"""A device that a call names first: told as new, and asked about where it is nearly a known one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stand_in.dialogue import Dialogue
from stand_in.lab import SAMPLES, CommandLine

Csr = Callable[..., Path]
Terminal = Callable[..., Dialogue]
QUESTION = "no device is called 'scb1'; did you mean sbc1? [y/N]"


@pytest.fixture
def known(sipca: CommandLine) -> CommandLine:
    """A home that knows the device sbc1, by its certificate alone."""
    assert sipca("sign", SAMPLES / "sbc1.csr", "--device", "sbc1").exit == 0
    return sipca


def codes(entry: dict[str, Any]) -> list[str]:
    return [each["code"] for each in entry["findings"] if each["code"].startswith("device-")]


def devices(home: CommandLine) -> list[str]:
    return [each["name"] for each in home("device", "list", "--json").json["devices"]]


def test_a_name_that_no_device_bears_is_made_and_a_line_says_so(sipca: CommandLine) -> None:
    first = sipca("sign", SAMPLES / "sbc1.csr", "--device", "sbc1")
    again = sipca("sign", SAMPLES / "sbc1.csr", "--device", "SBC1", "--again", "--json")

    assert "note: 'sbc1' is a new device: none was called that before (device-new)" in first.err
    assert codes(again.json["signed"][0]) == []
    assert devices(sipca) == ["sbc1"]


def test_a_registered_device_is_not_new(sipca: CommandLine) -> None:
    sipca("device", "set", "sbc1")

    signed = sipca("sign", SAMPLES / "sbc1.csr", "--device", "sbc1", "--json")

    assert codes(signed.json["signed"][0]) == []


def test_a_near_miss_in_a_pipe_is_warned_of_and_signed(known: CommandLine) -> None:
    told = known("sign", SAMPLES / "ec-p256.csr", "--device", "scb1", "--dry-run")
    signed = known("sign", SAMPLES / "ec-p256.csr", "--device", "scb1", "--json")

    assert "warning: no device is called 'scb1'; did you mean 'sbc1'?" in told.err
    assert (signed.exit, signed.json["signed"][0]["device"]) == (0, "scb1")
    assert codes(signed.json["signed"][0]) == ["device-new", "device-near-miss"]
    assert signed.json["signed"][0]["findings"][-1]["result"] == "warn"


def test_the_next_of_a_series_is_no_near_miss(known: CommandLine) -> None:
    signed = known("sign", SAMPLES / "ec-p256.csr", "--device", "sbc2", "--json")

    assert codes(signed.json["signed"][0]) == ["device-new"]


def test_a_name_that_is_intended_is_allowed_and_recorded(known: CommandLine) -> None:
    words = ("--device", "sbc-1", "--allow", "device-near-miss", "--json")

    signed = known("sign", SAMPLES / "ec-p256.csr", *words).json["signed"][0]

    assert [each["result"] for each in signed["findings"]] == ["pass", "pass"]
    assert "device-near-miss" in known("log", "--json").out


def test_issue_and_each_line_of_a_names_file_are_told_too(
    known: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    csr_file("a", cn="a.lab.example")
    (tmp_path / "names.csv").write_text("source,device\na.csr,sbc_1\n")
    batch = ("sign", tmp_path / "a.csr", "--names", tmp_path / "names.csv")

    issued = known("issue", "peer.lab.example", "--device", "scb1", "--out", tmp_path / "p")
    named = known(*batch, "--json").json["signed"][0]
    kept = known("issue", "peer.lab.example", "--device", "scb1", "--out", tmp_path / "p", "--json")

    assert "no device is called 'scb1'; did you mean 'sbc1'?" in issued.out
    assert codes(named) == ["device-new", "device-near-miss"]
    assert (kept.json["made"], kept.json["findings"]) == ("nothing", [])


def test_a_warning_of_a_batch_names_its_source(
    known: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    sources = [csr_file(stem, cn=f"{stem}.lab.example") for stem in ("a", "b")]
    (tmp_path / "names.csv").write_text("source,device\na.csr,scb1\nb.csr,gw9\n")

    done = known("sign", *sources, "--names", tmp_path / "names.csv", "--out", tmp_path / "out")

    assert done.exit == 0
    assert f"{sources[0]}:\nwarning: no device is called 'scb1'" in done.err
    assert "gw9" not in done.err


@pytest.mark.parametrize(("answer", "device"), [("y", "sbc1"), ("", "scb1"), ("no", "scb1")])
def test_a_near_miss_at_a_terminal_is_asked_about(
    known: CommandLine, at_terminal: Terminal, tmp_path: Path, answer: str, device: str
) -> None:
    request = SAMPLES / "ec-p256.csr"
    talk = at_terminal("sign", request, "--device", "scb1", "-o", tmp_path / "x", home=known.home)

    talk.answer(QUESTION, answer)

    assert talk.end() == 0, talk.said
    newest = known("show", "proxy.lab.example", "--json").json["certificate"]
    assert newest["device"] == device
    assert "warning: no device" not in talk.said


@pytest.mark.parametrize("typed", ["\x03", "\x04"])
def test_ctrl_c_and_ctrl_d_at_the_question_sign_nothing(
    known: CommandLine, at_terminal: Terminal, typed: str
) -> None:
    talk = at_terminal("sign", SAMPLES / "ec-p256.csr", "--device", "scb1", home=known.home)

    talk.expect(QUESTION)
    os.write(talk.terminal, typed.encode())

    assert talk.end() == 130
    assert "Traceback" not in talk.said
    assert len(known("list", "--json").json["certificates"]) == 1


def test_the_question_comes_before_a_paste_and_never_with_no_input(
    known: CommandLine, at_terminal: Terminal, tmp_path: Path
) -> None:
    talk = at_terminal("sign", "-", "--device", "scb1", "-o", tmp_path / "x", home=known.home)
    talk.answer(QUESTION, "y")
    talk.expect("paste the CSR")
    os.write(talk.terminal, (SAMPLES / "ec-p256.csr").read_bytes() + b"n\n")
    quiet = at_terminal(
        "sign", SAMPLES / "ec-p256.csr", "--device", "sbc_1", "--no-input", home=known.home
    )

    assert (talk.end(), quiet.end()) == (0, 0)
    assert "[y/N]" not in quiet.said
    assert devices(known) == ["sbc1", "sbc_1"]


def test_a_names_file_at_a_terminal_asks_once_for_each_name(
    known: CommandLine, at_terminal: Terminal, csr_file: Csr, tmp_path: Path
) -> None:
    sources = [csr_file(stem, cn=f"{stem}.lab.example") for stem in ("a", "b")]
    (tmp_path / "names.csv").write_text("source,device,context\na.csr,scb1,1\nb.csr,scb1,2\n")
    talk = at_terminal(
        "sign", *sources, "--names", tmp_path / "names.csv", "--out", tmp_path / "o",
        home=known.home,
    )  # fmt: skip

    talk.answer(QUESTION, "yes")

    assert talk.end() == 0, talk.said
    assert "[y/N]" not in talk.said
    assert devices(known) == ["sbc1"]


LAB = """schema = 1
[ca]
name = "Test Lab"

[[device]]
name = "{table}"

[[certificate]]
issue = ["peer.lab.example"]
device = "{named}"
out = "out"
"""


def test_apply_warns_of_near_misses_of_what_the_home_knows(
    known: CommandLine, tmp_path: Path
) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text(LAB.format(table="gw1", named="scb1"))

    checked = known("apply", lab, "--check", "--json")
    applied = known("apply", lab)
    again = known("apply", lab, "--json")

    assert [each["code"] for each in checked.json["findings"]] == ["device-near-miss"]
    assert "warning: no device is called 'scb1'; did you mean 'sbc1'?" in applied.out
    assert again.json["findings"] == []


def test_a_lab_file_may_name_the_next_of_a_series_and_not_a_slip_of_its_own(
    sipca: CommandLine, tmp_path: Path
) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text(LAB.format(table="sbc1", named="sbc2"))
    series = sipca("apply", lab)
    lab.write_text(LAB.format(table="sbc1", named="scb1"))
    slip = sipca("apply", lab)

    assert (series.exit, slip.exit) == (0, 5)
    assert "did you mean 'sbc1'?" in slip.err
