"""A challengePassword in a CSR that is signed by hand is not kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from stand_in.enrolment import (
    phone_csr,
    refused,
)
from stand_in.lab import RSA_KEY, CommandLine, make_csr


@pytest.fixture
def with_password(tmp_path: Path) -> Path:
    path = tmp_path / "sbc1.csr"
    csr = x509.load_der_x509_csr(
        phone_csr("sbc1.lab.example", "dns:sbc1.lab.example", challenge="swordfish-7")
    )
    path.write_bytes(csr.public_bytes(Encoding.PEM))
    return path


def test_the_password_in_a_csr_signed_by_hand_is_not_kept_and_nothing_else_changes(
    sipca: CommandLine, with_password: Path, tmp_path: Path
) -> None:
    signed = sipca("sign", with_password, "--json").json["signed"][0]
    again = sipca("sign", with_password, "--json").json
    renewed = sipca("renew", "sbc1.lab.example", "--out", tmp_path / "out", "--json").json

    assert [line["issued"] for line in signed["account"]
            if line["field"] == "attribute.challengePassword"] == [None]  # fmt: skip
    assert (again["signed"], len(again["skipped"])) == ([], 1)
    assert len(renewed["signed"]) == 1, renewed
    assert renewed["signed"][0]["san"] == ["dns:sbc1.lab.example"]
    kept = b"".join(path.read_bytes() for path in sipca.home.iterdir() if path.is_file())
    assert b"swordfish" not in kept
    assert sipca("log", "--verify").exit == 0
    assert "swordfish" not in sipca("csr", "show", with_password, "--profile", "sip").out


def test_a_csr_that_an_older_sipca_kept_whole_is_still_known_as_signed(
    sipca: CommandLine, with_password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ca.authority.signing.prepare.kept_form", lambda request: request.der)
        assert sipca("sign", with_password).exit == 0

    again = sipca("sign", with_password, "--json").json

    assert (again["signed"], len(again["skipped"])) == ([], 1)


@pytest.mark.parametrize("place", ["twice", "no set", "after 64 others", "empty"])
def test_a_password_is_found_wherever_a_csr_may_hold_it(place: str) -> None:
    from stand_in.requests import attribute, request

    from ca.csr.kept import challenge_of, is_emptied, kept_form
    from ca.csr.parsing import parse_request
    from ca.encoding import der

    kind, value = "1.2.840.113549.1.9.7", der.tlv(der.PRINTABLE_STRING, b"swordfish")
    usual = attribute(kind, value)
    attributes = {
        "twice": usual + usual,
        "no set": der.sequence(der.encode_oid(kind), value),
        "after 64 others": attribute("1.2.3.4", value[:0]) * 64 + usual,
        "empty": attribute(kind),
    }[place]
    read = parse_request(request(attributes=attributes))

    kept = parse_request(kept_form(read))

    assert b"swordfish" not in kept.der
    assert is_emptied(kept)
    assert "swordfish" not in repr((read.attributes, read.flaws))
    assert b"swordfish".hex() not in repr((read.attributes, read.flaws))
    assert challenge_of(read) == {"no set": None, "empty": None}.get(place, "swordfish")


def test_whoever_has_the_kept_form_of_a_csr_cannot_have_it_signed(
    sipca: CommandLine, with_password: Path, tmp_path: Path
) -> None:
    from ca.csr.kept import kept_form
    from ca.csr.parsing import read_request

    stolen = tmp_path / "stolen.csr"
    stolen.write_bytes(kept_form(read_request(with_password.read_bytes())))

    refused(sipca("sign", stolen), 9, "the CSR's signature does not verify")


def test_a_csr_without_a_password_is_kept_as_it_came() -> None:
    from ca.csr.kept import kept_form
    from ca.csr.parsing import read_request

    request = read_request(make_csr("dns:sbc1.lab.example", key=RSA_KEY))

    assert kept_form(request) == request.der


def test_no_password_is_kept_by_a_batch_whose_requests_have_one_shape(
    sipca: CommandLine, with_password: Path, tmp_path: Path
) -> None:
    for name in ("b", "c"):
        (with_password.parent / f"{name}.csr").write_bytes(with_password.read_bytes())

    answer = sipca("sign", with_password.parent, "--out", tmp_path / "out", "--json")

    assert (len(answer.json["signed"]), len(answer.json["skipped"])) == (1, 2)
    kept = b"".join(path.read_bytes() for path in sipca.home.iterdir() if path.is_file())
    assert b"swordfish" not in kept
