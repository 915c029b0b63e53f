"""A clock that is or was wrong: nothing is destroyed, nothing dated by it unasked, and a way out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from stand_in.lab import NOW, CommandLine

Clock = Callable[[datetime], None]
Csr = Callable[..., Path]
YEARS = timedelta(days=365)


def codes(document: dict[str, object]) -> dict[str, str]:
    return {each["code"]: each["result"] for each in document["findings"]}  # type: ignore[index, attr-defined]


def answered(sipca: CommandLine, folder: Path, leaf: Path) -> ocsp.OCSPResponse:
    """What OCSP says of a certificate."""
    issuing, _ = x509.load_pem_x509_certificates(sipca("chain").out.encode())
    certificate = x509.load_pem_x509_certificate(leaf.read_bytes())
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuing, SHA1()).build()
    (folder / "q").write_bytes(request.public_bytes(Encoding.DER))
    assert sipca("ocsp", "respond", folder / "q", "-o", folder / "a", "--overwrite").exit == 0
    return ocsp.load_der_ocsp_response((folder / "a").read_bytes())


@pytest.fixture
def leaf(sipca: CommandLine, csr_file: Csr, frozen: Clock, tmp_path: Path) -> Path:
    """A certificate signed by the right clock."""
    frozen(NOW)
    assert sipca("sign", csr_file("a"), "-o", tmp_path / "a.pem").exit == 0
    return tmp_path / "a.pem"


def test_a_moment_with_the_clock_ahead_costs_no_ocsp_signer(
    sipca: CommandLine, leaf: Path, csr_file: Csr, frozen: Clock, tmp_path: Path
) -> None:
    frozen(NOW + 3 * YEARS)
    assert sipca("ocsp", "rotate").exit == 0
    assert sipca("ocsp", "rotate").exit == 0
    assert sipca("sign", csr_file("b", cn="b.lab.example")).exit == 0

    frozen(NOW + timedelta(hours=1))
    response = answered(sipca, tmp_path, leaf)

    assert response.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
    assert response.certificate_status == ocsp.OCSPCertStatus.GOOD
    signer = response.certificates[0]
    assert signer.not_valid_before_utc <= NOW + timedelta(hours=1) <= signer.not_valid_after_utc


def test_signing_under_a_clock_that_leapt_makes_no_signer_by_itself(
    sipca: CommandLine, leaf: Path, csr_file: Csr, frozen: Clock
) -> None:
    before = sipca("log", "--json").json["events"]
    frozen(NOW + 3 * YEARS)

    assert sipca("sign", csr_file("b", cn="b.lab.example")).exit == 0

    made = sipca("log", "--json").json["events"][len(before) :]
    assert not [each for each in made if each["action"].startswith("ocsp-signer")]


def test_a_home_that_was_made_by_a_clock_ahead_is_seen_to_be(
    bare: CommandLine, csr_file: Csr, frozen: Clock, tmp_path: Path
) -> None:
    frozen(NOW + 3 * YEARS)
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256", "--no-passphrase")
    bare("init", "--name", "Ahead", "--root-lifetime", "30y", *keys)
    frozen(NOW)

    found = codes(bare("check", "--json").json)
    refused = bare("ocsp", "rotate")

    assert found["ocsp-signer-not-yet-valid"] == "fail"
    assert found["clock-behind"] == "fail"
    assert "pass --allow clock-behind once to sign, issue, revoke or crl to record that" in (
        bare("check").out
    )
    assert refused.exit == 4


def test_rotate_mends_a_home_whose_signers_in_force_are_gone(
    sipca: CommandLine, leaf: Path, frozen: Clock, tmp_path: Path
) -> None:
    frozen(NOW + 3 * YEARS)
    sipca("ocsp", "rotate")
    frozen(NOW + 3 * YEARS + timedelta(days=20))
    sipca("ocsp", "rotate")  # the first ones ended, and a later one is proven: their keys go
    frozen(NOW + timedelta(hours=1))
    without = sipca("check", "--json")

    mended = sipca("ocsp", "rotate", "--allow", "clock-behind")

    assert without.exit == 9
    assert codes(without.json)["ocsp-signer-not-yet-valid"] == "fail"
    assert mended.exit == 0
    assert answered(sipca, tmp_path, leaf).certificate_status == ocsp.OCSPCertStatus.GOOD
    assert "ocsp-signer-not-yet-valid" not in codes(sipca("check", "--json").json)


REFUSED = [
    ("sign", "CSR"),
    ("revoke", "sbc9.lab.example"),
    ("crl", "--refresh"),
    ("ocsp", "rotate"),
    ("issue", "peer.lab.example", "--out", "DIR"),
]


@pytest.mark.parametrize("words", REFUSED, ids=lambda words: words[0])
def test_a_clock_before_the_newest_event_refuses_what_it_would_date(
    sipca: CommandLine,
    leaf: Path,
    csr_file: Csr,
    frozen: Clock,
    tmp_path: Path,
    words: tuple[str, ...],
) -> None:
    files = {"CSR": csr_file("c", cn="c.lab.example"), "DIR": tmp_path / "made"}
    given = [files.get(word, word) for word in words]
    frozen(NOW - timedelta(days=2))

    refused = sipca(*given)
    taken = sipca(*given, "--allow", "clock-behind")
    again = sipca("check", "--json")

    assert refused.exit == 4
    assert (
        "the clock says 2026-11-21 12:00Z, but the register's newest event is from" in refused.err
    )
    assert "--allow clock-behind" in refused.err
    assert taken.exit == 0, taken.err
    assert "clock-behind" not in codes(again.json)  # accepted once, and later events count
    assert "clock-accepted" in sipca("log").out
    assert sipca("log", "--verify").exit == 0


def test_issue_makes_no_key_by_a_clock_that_is_behind_and_keeps_a_good_one(
    sipca: CommandLine, leaf: Path, frozen: Clock, tmp_path: Path
) -> None:
    assert sipca("issue", "old.lab.example", "--out", tmp_path / "old").exit == 0
    lab = tmp_path / "lab.toml"
    lab.write_text('schema = 1\n[[certificate]]\nissue = ["new.lab.example"]\nout = "applied"\n')
    frozen(NOW - timedelta(days=2))

    kept = sipca("issue", "old.lab.example", "--out", tmp_path / "old", "--json")
    refused = sipca("issue", "new.lab.example", "--out", tmp_path / "new")
    applied = sipca("apply", lab)

    assert kept.exit == 0
    assert kept.json["made"] == "nothing"
    assert (refused.exit, applied.exit) == (4, 4)
    assert not list(tmp_path.glob("new/*")) + list(tmp_path.glob("applied/*"))


def test_issue_warns_of_a_clock_that_leapt(
    sipca: CommandLine, leaf: Path, frozen: Clock, tmp_path: Path
) -> None:
    frozen(NOW + 2 * YEARS)

    warned = sipca("issue", "a.lab.example", "--out", tmp_path / "a")
    accepted = sipca(
        "issue", "b.lab.example", "--out", tmp_path / "b", "--allow", "clock-ahead", "--json"
    )
    after = sipca("issue", "c.lab.example", "--out", tmp_path / "c", "--json")

    assert (warned.exit, accepted.exit, after.exit) == (0, 0, 0)
    assert "the clock leapt from" in warned.out
    assert codes(accepted.json) == {"clock-ahead": "pass"}
    assert codes(after.json) == {}


def test_clocks_of_machines_that_share_a_home_may_differ_by_five_minutes_and_no_second_more(
    sipca: CommandLine, leaf: Path, csr_file: Csr, frozen: Clock
) -> None:
    frozen(NOW - timedelta(minutes=5))
    within = sipca("sign", csr_file("c", cn="c.lab.example"))
    frozen(NOW - timedelta(minutes=5, seconds=1))
    beyond = sipca("sign", csr_file("d", cn="d.lab.example"))

    assert (within.exit, beyond.exit) == (0, 4)
    assert "error: the clock says 2026-11-23 11:54Z" in beyond.err


def test_a_leap_of_more_than_a_year_is_warned_of_at_every_signing_until_it_is_accepted(
    sipca: CommandLine, leaf: Path, csr_file: Csr, frozen: Clock
) -> None:
    def warned(name: str, *words: str) -> str | None:
        document = sipca("sign", csr_file(name, cn=f"{name}.lab.example"), "--json", *words).json
        return codes(document["signed"][0]).get("clock-ahead")

    frozen(NOW + timedelta(days=365, seconds=1))
    first, second = warned("b"), warned("c")
    accepted = warned("d", "--allow", "clock-ahead")
    after = warned("e")

    assert (first, second) == ("warn", "warn")
    assert accepted == "pass"
    assert after is None


def test_a_year_without_use_is_no_leap(
    sipca: CommandLine, leaf: Path, csr_file: Csr, frozen: Clock
) -> None:
    frozen(NOW + timedelta(days=365))

    document = sipca("sign", csr_file("b", cn="b.lab.example"), "--json").json

    assert "clock-ahead" not in codes(document["signed"][0])
