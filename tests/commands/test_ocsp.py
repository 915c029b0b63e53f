"""``ocsp respond|presign|rotate`` and ``check``: files, signers, findings, exit codes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from stand_in.lab import NOW, PASSPHRASE, CommandLine

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


def test_a_request_that_is_none_is_told_of_with_quiet_too(
    sipca: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "request.der").write_bytes(b"no request")

    answer = sipca("--quiet", "ocsp", "respond", tmp_path / "request.der", "-o", tmp_path / "r")

    assert answer.exit == 3
    assert answer.out == ""
    assert answer.err.startswith(f"error: '{tmp_path}/request.der' is no OCSP request: ")
