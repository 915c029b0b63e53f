"""``device crib``: what to type on the device's page before its CSR exists."""

from __future__ import annotations

import pytest
from stand_in.lab import CommandLine


def test_the_crib_has_a_key_first_then_the_cn_then_each_san_with_its_type(
    sipca: CommandLine,
) -> None:
    sipca("device", "set", "gw1", "--address", "gw1.lab.example", "--address", "10.4.0.20")

    crib = sipca("device", "crib", "gw1", "--context", 2, "--json").json

    assert crib["context"] == 2
    assert "2048" in crib["first"][1]
    assert [(e["field"], e["selector"], e["value"]) for e in crib["fields"]] == [
        ("Subject Name [CN]", None, "gw1.lab.example"),
        ("1st Subject Alternative Name [SAN]", "DNS", "gw1.lab.example"),
        ("2nd Subject Alternative Name [SAN]", "IP address", "10.4.0.20"),
        ("Signature Algorithm", None, "SHA-256"),
    ]
    assert crib["leave"]
    assert "starts at EMAIL" in crib["notes"][0]


def test_more_names_than_san_fields_are_said_and_left_to_sign(sipca: CommandLine) -> None:
    given = [word for n in range(6) for word in ("--address", f"gw{n}.lab.example")]
    sipca("device", "set", "gw1", *given)

    crib = sipca("device", "crib", "gw1", "--json").json

    assert len(crib["fields"]) == 7
    assert "6 names, but the page has 5 SAN fields" in crib["notes"][0]
    assert "--san dns:gw5.lab.example" in crib["notes"][0]


def test_names_of_a_page_without_san_fields_are_left_to_sign(sipca: CommandLine) -> None:
    sipca("device", "set", "gw1", "--address", "gw1.lab.example", "--target", "audiocodes-6.6")

    crib = sipca("device", "crib", "gw1", "--json").json

    assert [each["value"] for each in crib["fields"]] == ["gw1.lab.example", "SHA-256"]
    assert crib["notes"] == [
        "the page has no SAN fields: give the rest to sipca sign: --san dns:gw1.lab.example"
    ]


def test_a_name_too_long_for_a_cn_leaves_the_cn_to_a_shorter_one(sipca: CommandLine) -> None:
    long = ".".join(["a" * 40, "b" * 40, "example"])
    sipca("device", "set", "gw1", "--address", long, "--address", "10.4.0.20")

    crib = sipca("device", "crib", "gw1", "--json").json

    assert crib["fields"][0]["value"] == "10.4.0.20"
    assert crib["fields"][1]["value"] == long


@pytest.mark.parametrize(
    ("target", "said"),
    [("kamailio", "a server has no CSR page"), ("audiocodes-phone", "a phone has no CSR page")],
)
def test_what_has_no_csr_page_is_told_what_to_do_instead(
    sipca: CommandLine, target: str, said: str
) -> None:
    sipca("device", "set", "gw1", "--address", "gw1.lab.example")

    answer = sipca("device", "crib", "gw1", "--target", target)

    assert answer.exit == 0
    assert said in answer.out
    assert "sipca issue" in answer.out


def test_an_unknown_device_has_no_crib(sipca: CommandLine) -> None:
    answer = sipca("device", "crib", "gw9")

    assert answer.exit == 5
    assert "there is no device 'gw9'" in answer.err
    assert "sipca device set gw9" in answer.err
