"""A device that is named for the first time: told, and asked or warned about if it is nearly known."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from stand_in.lab import SAMPLES, CommandLine

from ca.names.near import NearNames

CSR = SAMPLES / "sbc1.csr"


@pytest.fixture
def known(sipca: CommandLine) -> CommandLine:
    """A home with one device."""
    assert sipca("device", "set", "sbc1", "--context", "1").exit == 0
    return sipca


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("scb1", "sbc1"), ("sb1", None), ("ssbc1", "sbc1"), ("sbcc1", "sbc1"), ("sxc1", "sbc1"),
        ("sbc-1", "sbc1"), ("SBC_1", "sbc1"), ("sbc1", None), ("SBC1", None), ("sbc2", None),
        ("sbc11", None), ("s1bc", None), ("gateway-east", "gateway_east"), ("gateway-west", None),
        ("gatewayeast", "gateway_east"), ("gatewey-east", "gateway_east"), ("", None),
        ("phone-b", None), ("phonea", "phone-a"), ("пхоне", None),
    ],
)  # fmt: skip
def test_a_name_is_near_to_a_known_one_by_one_slip_of_the_hand(
    typed: str, near: str | None
) -> None:
    names = NearNames(["sbc1", "gateway_east", "phone-a"])

    assert names.near(typed) == near


def test_ten_thousand_names_are_looked_up_among_ten_thousand_in_a_moment() -> None:
    names = NearNames(f"gateway-{number:05d}" for number in range(10_000))
    begun = time.process_time()

    near = [names.near(f"gatewya-{number:05d}") for number in range(10_000)]

    assert near == [f"gateway-{number:05d}" for number in range(10_000)]
    assert time.process_time() - begun < 20


def test_the_first_certificate_of_a_device_says_that_it_is_new(sipca: CommandLine) -> None:
    first = sipca("sign", CSR, "--device", "edge")
    again = sipca("sign", CSR, "--device", "EDGE", "--again")

    assert "note: device 'edge' is new: no certificate named it before (device-new)" in first.err
    assert "device-new" not in again.err


def test_a_registered_device_is_not_new(known: CommandLine) -> None:
    assert (
        "device-"
        not in known("sign", CSR, "--device", "SBC1", "--dry-run").err.partition("signed")[0]
    )


def test_a_near_miss_is_warned_of_where_nobody_can_be_asked(known: CommandLine) -> None:
    answer = known("sign", CSR, "--device", "scb1", "--dry-run")
    entry = known("sign", CSR, "--device", "scb1", "--dry-run", "--json").json["signed"][0]

    assert answer.exit == 0
    assert "warning: no device is called 'scb1', but one is called 'sbc1'" in answer.err
    assert "device-near-miss" in [each["code"] for each in entry["findings"]]


def test_issue_warns_of_a_near_miss_too(known: CommandLine, tmp_path: Path) -> None:
    answer = known("issue", "a.lab.example", "--device", "scb1", "--out", tmp_path, "--json")

    assert [each["code"] for each in answer.json["findings"]] == ["device-near-miss"]


def test_each_row_of_a_csv_is_looked_at(known: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "csrs"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.csr").write_bytes((SAMPLES / "sbc1.csr").read_bytes())
    names = tmp_path / "names.csv"
    names.write_text("source,device\na.csr,sbc_1\nb.csr,edge\n")

    answer = known("sign", folder, "--names", names, "--out", tmp_path / "out", "--dry-run")

    assert "no device is called 'sbc_1', but one is called 'sbc1'" in answer.err


def test_a_certificate_that_is_named_nearly_right_is_told(
    sipca: CommandLine, tmp_path: Path
) -> None:
    assert sipca("sign", CSR, "--device", "sbc1").exit == 0

    answer = sipca("rekey", "scb1", "--csr", CSR, "--out", tmp_path)

    assert answer.exit == 5
    assert "error: no certificate is known as 'scb1'\nhint: did you mean sbc1?" in answer.err
