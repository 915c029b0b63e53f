"""``csr show``: what a device asked for, flaws included."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from stand_in.flawed import FLAWED, names_in
from stand_in.lab import VECTORS, CommandLine, make_csr
from stand_in.profiles import VERBATIM, own_profile

from ca.csr.armour import extract_request
from ca.errors import MalformedError

FOUND = VECTORS / "found"


@pytest.mark.parametrize("name", FLAWED)
def test_a_flawed_request_is_shown_whole(bare: CommandLine, name: str) -> None:
    answer = bare("csr", "show", FOUND / "replace-san" / name, "--json")

    assert answer.exit == 0
    assert answer.json["subject"].startswith("CN=sbc1.lab.example")
    (finding,) = [f for f in answer.json["findings"] if f["result"] == "fail"]
    assert finding["code"] == "undecodable-name"
    assert FLAWED[name] in finding["message"]
    assert finding["hint"]


def test_csr_show_judges_the_cn_where_it_is_the_only_name(bare: CommandLine) -> None:
    answer = bare("csr", "show", FOUND / "underscore" / "nosan.csr", "--json")

    assert "underscore-name" in [each["code"] for each in answer.json["findings"]]


def test_a_csr_of_version_2_is_read_with_a_note(sipca: CommandLine) -> None:
    shown = sipca("csr", "show", FOUND / "csr-version" / "v2.csr")
    signed = sipca("sign", FOUND / "csr-version" / "v2.csr")

    assert shown.exit == signed.exit == 0
    assert "note: repaired: the CSR has version 1, but RFC 2986 defines only 0" in shown.out
    assert names_in(signed.out)[1:] == ["bmc1.lab.example"]


def test_a_csr_whose_version_is_empty_is_no_csr(sipca: CommandLine) -> None:
    answer = sipca("csr", "show", FOUND / "csr-version" / "empty-integer.csr")

    assert answer.exit == 3
    assert "the CSR's version is an integer without octets" in answer.err


@pytest.mark.parametrize("name", ["escaped.csr", "redfish.json"])
def test_a_csr_with_the_escapes_of_json_is_read(sipca: CommandLine, name: str) -> None:
    answer = sipca("sign", FOUND / "json-csr" / name)

    assert answer.exit == 0
    assert "repaired: JSON escapes" in answer.err
    assert "vc1.lab.example" in names_in(answer.out)


@pytest.mark.parametrize(
    ("plain", "escaped"),
    [
        ("\n", "\\n"),
        ("\n", "\\r\\n"),
        ("\n", "\\\\n"),
        ("\n", "\\u000a"),
        ("/", "\\/"),
        ("/", "\\u002F"),
        ("+", "\\u002b"),
        ("=", "\\u003d"),
    ],
)
def test_every_escape_of_json_is_read(
    bare: CommandLine, tmp_path: Path, plain: str, escaped: str
) -> None:
    text = make_csr("dns:a.lab").decode().replace(plain, escaped)
    (tmp_path / "a.json").write_text(f'{{"CSRString": "{text}"}}')

    answer = bare("csr", "show", tmp_path / "a.json", "--json")

    assert answer.exit == 0
    assert answer.json["san"] == ["dns:a.lab"]


@pytest.mark.parametrize("filling", ["\\" * 200_000, "\\n" * 100_000, "\\r\\" * 60_000])
def test_escapes_without_end_are_read_in_no_time(filling: str) -> None:
    text = f"-----BEGIN CERTIFICATE REQUEST-----\n{filling}\n-----END CERTIFICATE REQUEST-----\n"
    begun = time.process_time()

    with pytest.raises(MalformedError):
        extract_request(text.encode())

    assert time.process_time() - begun < 2  # a search that starts anew at each octet takes minutes


def test_a_private_key_in_json_is_told_as_one(bare: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"key": "-----BEGIN PRIVATE KEY-----\\nMII=\\n"}')

    answer = bare("csr", "show", tmp_path / "a.json")

    assert answer.exit == 3
    assert "*private key*" in answer.err


CUCM = VECTORS / "found" / "cucm-ms" / "tomcat.csr"


def test_csr_show_says_that_a_verbatim_profile_would_refuse(sipca: CommandLine) -> None:
    own_profile(sipca, "exact", VERBATIM)

    answer = sipca("csr", "show", CUCM, "--profile", "exact", "--json")

    assert answer.json["verdict"] == "fail"
    assert any("profile exact is verbatim" in each["message"] for each in answer.json["findings"])


def test_csr_show_tells_what_the_target_would_not_take(sipca: CommandLine) -> None:
    answer = sipca("csr", "show", CUCM, "--profile", "sip", "--target", "cisco-cucm", "--json")

    assert answer.json["account"] != []
    assert [f["result"] for f in answer.json["findings"] if f["code"] == "device-verbatim"] == ["fail"]  # fmt: skip
