"""``ocsp respond|presign|rotate`` and ``check``: files, signers, findings, exit codes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from stand_in.lab import NOW, PASSPHRASE, CommandLine, cut_off

from ca.encoding.der import encode_oid, sequence
from ca.revocation.ocsp import request_for

Csr = Callable[..., Path]
Clock = Callable[..., None]


def codes(sipca: CommandLine, *words: str) -> list[str]:
    return [each["code"] for each in sipca("check", "--json", *words).json["findings"]]


def signers(sipca: CommandLine, *words: str) -> dict[str, dict[str, object]]:
    records = sipca("ocsp", "rotate", "--if-due", "--json", *words).json["signers"]
    return {each["ca"]: each for each in records}


def test_init_makes_a_signer_and_a_crl_for_both_cas(sipca: CommandLine) -> None:
    found = signers(sipca)

    assert list(found) == ["Test Lab Root", "Test Lab Issuing"]
    assert not any(each["made"] for each in found.values())
    assert codes(sipca) == []


@pytest.mark.parametrize(
    ("ca", "profile_days", "key"), [("root", 730, "EC p256"), ("issuing", 400, "EC p256")]
)
def test_a_signer_is_what_the_profile_promises(
    sipca: CommandLine, ca: str, profile_days: int, key: str
) -> None:
    (record,) = sipca("ocsp", "rotate", "--ca", ca, "--json").json["signers"]
    shown = sipca("show", record["serial"], "--json").json
    leaf = x509.load_pem_x509_certificate(shown["certificate_pem"].encode())

    assert record["made"] is True
    assert record["key"] == key
    assert shown["extended_key_usage"] == ["OCSPSigning"]
    assert shown["key_usage"] == ["digitalSignature"]
    assert leaf.extensions.get_extension_for_class(x509.OCSPNoCheck)
    span = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert span == timedelta(days=profile_days, seconds=-1)
    assert sipca("list", "--json").json["certificates"] == [], "signers are not devices"


def test_signing_rotates_a_signer_at_half_its_life(
    sipca: CommandLine, csr_file: Csr, frozen: Clock
) -> None:
    frozen(NOW)
    sipca("ocsp", "rotate")
    before = signers(sipca)
    frozen(NOW + timedelta(days=190))
    sipca("sign", csr_file("a"))
    same = signers(sipca)
    frozen(NOW + timedelta(days=201))
    sipca("sign", csr_file("b"), "--allow", "reused-key")

    issuing = [each["serial"] for each in signers(sipca, "--ca", "issuing").values()]
    assert before == same
    assert issuing != [before["Test Lab Issuing"]["serial"]]


def test_a_signer_that_ends_with_its_ca_is_not_made_again_and_again(
    bare: CommandLine, csr_file: Csr, frozen: Clock
) -> None:
    frozen(NOW)
    bare(
        "init", "--no-passphrase", "--root-key", "ec:p256", "--issuing-key", "ec:p256",
        "--issuing-lifetime", "100d", "--name", "Brief",
    )  # fmt: skip
    before = signers(bare, "--ca", "issuing")
    frozen(NOW + timedelta(days=90))

    assert signers(bare, "--ca", "issuing") == before


def test_rotating_a_locked_ca_needs_the_passphrase(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    bare("init", "--name", "Locked", "--root-key", "ec:p256", "--issuing-key", "ec:p256")
    monkeypatch.delenv("SIPCA_PASSPHRASE")

    assert bare("ocsp", "rotate").exit == 7
    assert bare("ocsp", "rotate", "--if-due").exit == 0


def test_respond_writes_an_answer_and_never_over_another_file(
    sipca: CommandLine, tmp_path: Path
) -> None:
    foreign = sequence(
        sequence(encode_oid("1.3.14.3.2.26")), b"\x04\x01x", b"\x04\x01y", b"\x02\x01\x01"
    )
    (tmp_path / "q").write_bytes(request_for(foreign))

    answer = sipca("ocsp", "respond", tmp_path / "q", "-o", tmp_path / "a")
    (tmp_path / "b").write_text("mine")
    again = sipca("ocsp", "respond", tmp_path / "q", "-o", tmp_path / "b")

    assert answer.exit == 0
    assert "answered unauthorized (no certificate of this CA was asked for)" in answer.out
    response = ocsp.load_der_ocsp_response((tmp_path / "a").read_bytes())
    assert response.response_status == ocsp.OCSPResponseStatus.UNAUTHORIZED
    assert again.exit == 6


def test_a_request_that_is_none_is_answered_malformed_and_exit_3(
    sipca: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "q").write_bytes(b"hello")

    answer = sipca("ocsp", "respond", tmp_path / "q", "-o", tmp_path / "a")

    assert answer.exit == 3
    assert "answered malformedRequest (" in answer.out
    assert (tmp_path / "a").read_bytes() == bytes.fromhex("30030a0101")
    assert sipca("ocsp", "respond", tmp_path / "none", "-o", tmp_path / "x").exit == 5


def test_presigned_answers_live_as_long_as_asked(sipca: CommandLine, tmp_path: Path) -> None:
    made = sipca("ocsp", "presign", "--out", tmp_path / "p", "--lifetime", "36h", "--json").json

    found = (tmp_path / "p" / "presigned.txt").read_text().splitlines()
    assert len(found) == made["written"] == 16
    for path in found:
        response = ocsp.load_der_ocsp_response((tmp_path / "p" / path).read_bytes())
        assert response.next_update_utc - response.this_update_utc == timedelta(hours=36)  # type: ignore[operator]


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

    assert "WARN  crl-pending  Test Lab Issuing: its CRL does not tell the latest" in text
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
    monkeypatch.setattr("ca.authority.crew.issue", cut_off)
    assert sipca("sign", csr_file("a")).exit == 130
    monkeypatch.setattr("ca.authority.crew.issue", None)

    before = codes(sipca)
    frozen(NOW + timedelta(days=1, minutes=11))

    assert before == []
    assert codes(sipca) == ["plan-without-result"]
