"""``show``: from what is typed to the certificate that is meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificates
from stand_in.lab import CommandLine

Csr = Callable[..., Path]


@pytest.mark.parametrize("ref", ["proxy.lab.example", "SIP.lab.example", "dns:sip.lab.example"])
def test_show_finds_by_cn_and_san_whatever_the_case(lab: CommandLine, ref: str) -> None:
    shown = lab("show", ref, "--json").json

    assert shown["certificate"]["subject"] == "CN=proxy.lab.example"
    assert shown["account"][0]["field"] == "subject.CN"


def test_show_finds_by_address_however_it_is_spelled(sipca: CommandLine, csr_file: Csr) -> None:
    sipca("sign", csr_file("six", "ip:2001:db8::5"))

    assert sipca("show", "2001:0DB8:0:0::5").exit == 0


def test_show_finds_by_serial_prefix_with_colons(lab: CommandLine) -> None:
    serial = lab("list", "--json").json["certificates"][2]["serial"]
    prefix = ":".join(serial[i : i + 2] for i in range(0, 6, 2))

    assert lab("show", prefix, "--json").json["certificate"]["serial"] == serial
    assert lab("show", serial[:5].upper(), "--json").json["certificate"]["serial"] == serial


def test_a_serial_prefix_needs_four_digits(lab: CommandLine) -> None:
    serial = lab("list", "--json").json["certificates"][2]["serial"]

    answer = lab("show", serial[:3])

    assert answer.exit == 5
    assert "a serial needs 4 hex digits or more" in answer.err


def test_matches_of_different_contexts_are_listed_and_nothing_is_shown(lab: CommandLine) -> None:
    answer = lab("show", "sbc1")

    assert answer.exit == 6
    assert answer.out == ""
    assert "sbc1 context 1 (valid)" in answer.err
    assert "sbc1 context 0 (valid)" in answer.err


def test_of_several_current_ones_of_one_device_the_newest_is_meant_and_the_others_named(
    sipca: CommandLine, csr_file: Csr
) -> None:
    first = sipca("sign", csr_file("a"), "--device", "sbc9", "--json").json["signed"][0]["serial"]
    second = sipca("sign", csr_file("a"), "--device", "sbc9", "--again", "--beside", "--json").json["signed"][0]["serial"]  # fmt: skip

    shown = sipca("show", "sbc9", "--json").json

    assert shown["certificate"]["serial"] == second
    assert shown["others"] == [first]


def test_show_for_people_says_everything(lab: CommandLine) -> None:
    text = lab("show", "proxy.lab.example").out

    for word in (
        "serverAuth, clientAuth",
        "RSA 2048",
        "valid",
        "SHA-256",
        "extension.keyUsage",
    ):
        assert word in text


def test_show_pem_is_the_certificate(lab: CommandLine) -> None:
    assert (
        len(load_pem_x509_certificates(lab("show", "proxy.lab.example", "--pem").out.encode())) == 1
    )
