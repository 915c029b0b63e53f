"""An issuing CA whose own certificate is revoked or held signs nothing more, and is seen to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import CommandLine

Csr = Callable[..., Path]


@pytest.fixture
def issuing(sipca: CommandLine, csr_file: Csr) -> str:
    """The serial of the issuing CA's certificate, below which one certificate was signed."""
    assert sipca("sign", csr_file("before")).exit == 0
    records = sipca("status", "--json").json["cas"]
    return str(next(each["serial"] for each in records if each["role"] == "issuing"))


SIGNING = [
    ("sign", "CSR"),
    ("issue", "peer.lab.example", "--out", "OUT"),
    ("crl", "--refresh"),
    ("ocsp", "rotate"),
    ("ocsp", "rotate", "--ca", "issuing"),
]


@pytest.mark.parametrize("words", SIGNING, ids=" ".join)
def test_a_revoked_issuing_ca_signs_nothing_more(
    sipca: CommandLine, issuing: str, csr_file: Csr, tmp_path: Path, words: tuple[str, ...]
) -> None:
    places = {"CSR": csr_file("after"), "OUT": tmp_path / "out"}
    sipca("revoke", issuing, "--reason", "cessation")

    refused = sipca(*(places.get(word, word) for word in words))

    assert refused.exit == 4
    assert "Test Lab Issuing is revoked and can sign nothing more" in refused.err


def test_the_root_gets_its_signer_though_the_issuing_ca_is_revoked(
    sipca: CommandLine, issuing: str
) -> None:
    sipca("revoke", issuing, "--reason", "cessation")
    before = sipca("log", "--json").json["events"]

    sipca("ocsp", "rotate")

    made = sipca("log", "--json").json["events"][len(before) :]
    assert [e["subject"] for e in made if e["action"] == "ocsp-signer"] == ["Test Lab Root"]


def test_check_fails_for_a_revoked_issuing_ca(sipca: CommandLine, issuing: str) -> None:
    sipca("revoke", issuing, "--reason", "cessation")

    answer = sipca("check", "--json")

    assert answer.exit == 9
    found = {each["code"]: each for each in answer.json["findings"]}
    assert found["ca-revoked"]["result"] == "fail"
    assert (
        "Test Lab Issuing: its certificate has been revoked for cessation"
        in (found["ca-revoked"]["message"])
    )


def test_a_held_issuing_ca_signs_again_once_it_is_released(
    sipca: CommandLine, issuing: str, csr_file: Csr
) -> None:
    sipca("revoke", issuing, "--reason", "hold")

    held = sipca("sign", csr_file("after"))
    sipca("release", issuing)
    released = sipca("sign", csr_file("after"))

    assert held.exit == 4
    assert f"hint: sipca release {issuing}" in held.err
    assert released.exit == 0


def test_a_leaf_of_a_revoked_issuing_ca_is_revoked_and_its_crl_left_pending(
    sipca: CommandLine, issuing: str
) -> None:
    sipca("revoke", issuing, "--reason", "cessation")

    answer = sipca("revoke", "sbc9.lab.example", "--json")

    assert answer.exit == 0
    assert "can sign nothing more" in answer.json["pending"]


def test_the_last_crl_of_a_revoked_ca_is_still_handed_out(sipca: CommandLine, issuing: str) -> None:
    sipca("revoke", issuing, "--reason", "cessation")

    answer = sipca("crl")

    assert answer.exit == 0
    assert answer.out.startswith("-----BEGIN X509 CRL-----")
