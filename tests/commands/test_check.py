"""``check``: what ends, what is overdue, what was left undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from stand_in.lab import NOW, CommandLine, cut_off

Csr = Callable[..., Path]


Clock = Callable[..., None]


def codes(sipca: CommandLine, *words: str) -> list[str]:
    return [each["code"] for each in sipca("check", "--json", *words).json["findings"]]


def test_check_warns_before_the_end_and_fails_after_it(
    sipca: CommandLine, csr_file: Csr, frozen: Clock
) -> None:
    frozen(NOW)
    for ca in ("root", "issuing"):
        sipca("crl", "--ca", ca, "--refresh", "--lifetime", "180d")
    sipca("ocsp", "rotate")
    sipca("sign", csr_file("brief"), "--lifetime", "200d")

    def at(days: int) -> tuple[int, list[str], str]:
        frozen(NOW + timedelta(days=days))
        answer = sipca("check", "--json")
        found = [each["code"] for each in answer.json["findings"]]
        return answer.exit, found, answer.json["verdict"]

    assert at(139) == (0, ["certificate-ending"], "warn")
    assert at(151) == (0, ["crl-ending", "crl-ending", "certificate-ending"], "warn")
    assert at(181) == (9, ["crl-ended", "crl-ended", "certificate-ending"], "fail")
    code, found, _ = at(380)
    assert (code, found) == (9, ["crl-ended", "crl-ended", "ocsp-signer-ending"])
    code, found, _ = at(400)
    assert (code, found) == (9, ["crl-ended", "crl-ended", "ocsp-signer-ended"])
    code, found, _ = at(365 * 10 - 100)
    assert "ca-ending" in found
    code, found, _ = at(365 * 10 + 100)
    assert found.count("ca-ended") == 1


def test_check_shows_what_is_well_when_asked_and_names_the_command_that_mends(
    sipca: CommandLine, csr_file: Csr
) -> None:
    assert sipca("check").out == "all is well\n"
    assert codes(sipca, "--min-severity", "info") == ["crl-fresh", "ocsp-signer-fresh"] * 2
    sipca("sign", csr_file("gw1", "dns:gw1.lab.example", cn="gw1.lab.example"))
    sipca("revoke", "gw1.lab.example", "--no-crl")

    text = sipca("check").out

    assert "WARN  crl-pending  Test Lab Issuing: its CRL does not list the latest" in text
    assert "        sipca crl --ca issuing --refresh" in text
    assert codes(sipca, "--min-severity", "error") == []


def test_check_lists_certificates_that_end_within_a_span(sipca: CommandLine, csr_file: Csr) -> None:
    sipca("sign", csr_file("gw1", "dns:gw1.lab.example", cn="gw1.lab.example"), "--lifetime", "90d")

    assert codes(sipca) == []
    assert codes(sipca, "--expiring", "91d") == ["certificate-ending"]
    assert "gw1.lab.example: 89 d left" in sipca("check", "--expiring", "91d").out


def test_check_tells_of_plans_that_were_never_signed(
    sipca: CommandLine, csr_file: Csr, frozen: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen(NOW + timedelta(days=1))
    monkeypatch.setattr("ca.authority.signing.crew.issue", cut_off)
    assert sipca("sign", csr_file("a")).exit == 130
    monkeypatch.setattr("ca.authority.signing.crew.issue", None)

    before = codes(sipca)
    frozen(NOW + timedelta(days=1, minutes=11))

    assert before == []
    assert codes(sipca) == ["plan-without-result"]


def test_a_finding_about_a_certificate_has_its_serial_device_context_and_end(
    sipca: CommandLine, csr_file: Csr, frozen: Clock
) -> None:
    frozen(NOW)
    words = ("--device", "sbc1", "--context", "2", "--lifetime", "40d")
    (signed,) = sipca("sign", csr_file("a"), *words, "--json").json["signed"]

    (finding,) = sipca("check", "--expiring", "60d", "--json").json["findings"]

    assert finding["code"] == "certificate-ending"
    marks = {name: finding[name] for name in ("serial", "device", "context", "not_after")}
    assert marks == {
        "serial": signed["serial"],
        "device": "sbc1",
        "context": 2,
        "not_after": signed["not_after"],
    }


def test_a_finding_about_no_certificate_has_none_of_its_fields(sipca: CommandLine) -> None:
    findings = sipca("check", "--min-severity", "info", "--json").json["findings"]

    crl, signer = (
        next(each for each in findings if each["code"] == code)
        for code in ("crl-fresh", "ocsp-signer-fresh")
    )

    assert not {"serial", "device", "context", "not_after"} & set(crl)
    assert {"serial", "not_after"} <= set(signer)


def test_strict_makes_a_warning_fail_and_nothing_else(sipca: CommandLine, csr_file: Csr) -> None:
    well = sipca("check", "--strict")
    sipca("sign", csr_file("a"), "--lifetime", "40d")
    warned = sipca("check", "--expiring", "60d", "--json")

    strict = sipca("check", "--expiring", "60d", "--strict", "--json")

    assert (well.exit, warned.exit, strict.exit) == (0, 0, 9)
    assert strict.json["verdict"] == warned.json["verdict"] == "warn"
