"""Every bad certificate gets from openssl the answer that its table predicts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from stand_in.lab import ROOT, CommandLine

NAMES = sorted(path.stem for path in (ROOT / "profiles" / "fixtures").glob("*.toml"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    folder = tmp_path_factory.mktemp("bad")
    answer = CommandLine(folder / "no-home")(
        "fixture", "make", "all", "--out", folder / "out", "--json"
    )
    assert answer.exit == 0, answer.err
    assert not (folder / "no-home").exists(), "no home is opened or made"
    return {each["name"]: each | {"folder": folder / "out"} for each in answer.json["fixtures"]}


@pytest.mark.parametrize("name", NAMES)
def test_openssl_answers_as_the_table_predicts(
    made: dict[str, dict[str, object]], name: str
) -> None:
    fixture = made[name]
    folder = Path(str(fixture["folder"]))
    files = fixture["files"]
    assert isinstance(files, dict)
    chain = Path(files["chain"])
    untrusted = ["-untrusted", str(chain)] if chain.read_text() else []
    done = subprocess.run(
        [
            "openssl", "verify", "-x509_strict", "-CAfile", str(folder / "root.pem"),
            "-CRLfile", str(folder / "crls.pem"), *untrusted, *fixture["openssl"],  # type: ignore[misc]
            files["device"],
        ],
        capture_output=True, text=True,
    )  # fmt: skip

    assert str(fixture["openssl_says"]) in done.stdout + done.stderr
    assert (done.returncode == 0) is (fixture["openssl_says"] == "OK"), done.stderr


@pytest.mark.parametrize("name", sorted({*NAMES} - {"unknown-ca"}))
def test_a_peer_that_checks_the_crls_of_the_whole_chain_answers_the_same(
    made: dict[str, dict[str, object]], name: str
) -> None:
    """Without the root's CRL, the good control and the revoked one were refused alike."""
    fixture = made[name]
    folder, files = Path(str(fixture["folder"])), fixture["files"]
    assert isinstance(files, dict)
    untrusted = ["-untrusted", files["chain"]] if Path(files["chain"]).read_text() else []

    done = subprocess.run(
        [
            "openssl", "verify", "-x509_strict", "-crl_check_all", "-CAfile", str(folder / "root.pem"),
            "-CRLfile", str(folder / "crls.pem"), *untrusted, *fixture["openssl"],  # type: ignore[misc]
            files["device"],
        ],
        capture_output=True, text=True,
    )  # fmt: skip

    assert str(fixture["openssl_says"]) in done.stdout + done.stderr
    assert (done.returncode == 0) is (fixture["openssl_says"] == "OK"), done.stderr
    if name != "missing-intermediate":
        assert "unable to get certificate CRL" not in done.stderr


def test_every_subject_is_marked_and_no_two_calls_share_a_ca(
    made: dict[str, dict[str, object]], tmp_path: Path
) -> None:
    for fixture in made.values():
        files = fixture["files"]
        assert isinstance(files, dict)
        leaf = x509.load_pem_x509_certificate(Path(files["device"]).read_bytes())
        assert "FIXTURE - trust nowhere" in leaf.subject.rfc4514_string()
        assert "FIXTURE" in leaf.issuer.rfc4514_string()
        assert Path(files["key"]).stat().st_mode & 0o077 == 0
    again = CommandLine(tmp_path / "h")(
        "fixture", "make", "expired", "--out", tmp_path / "o", "--json"
    )
    folder = Path(str(made["expired"]["folder"]))
    assert (tmp_path / "o" / "root.pem").read_bytes() != (folder / "root.pem").read_bytes()
    assert len(again.json["fixtures"]) == 1


def test_the_table_has_a_line_a_fixture_and_a_column_to_fill_in(
    made: dict[str, dict[str, object]],
) -> None:
    folder = Path(str(made["expired"]["folder"]))
    table = (folder / "what-a-correct-peer-answers.md").read_text()

    assert all(f"| {name} |" in table for name in NAMES)
    assert "the device did" in table
    assert "firmware:" in table


@pytest.mark.parametrize(("name", "says"), [("good", "good"), ("revoked", "revoked")])
def test_the_ocsp_answer_beside_a_fixture_is_its_ca_s(
    made: dict[str, dict[str, object]], name: str, says: str
) -> None:
    folder, files = Path(str(made[name]["folder"])), made[name]["files"]
    assert isinstance(files, dict)

    done = subprocess.run(
        ["openssl", "ocsp", "-respin", files["ocsp"], "-issuer", str(folder / "issuing.pem"),
         "-cert", files["device"], "-CAfile", str(folder / "root.pem"), "-verify_other", str(folder / "issuing.pem")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert "Response verify OK" in done.stderr
    assert f"{name}-device.pem: {says}" in done.stdout


def test_fixtures_are_made_for_another_machine_and_with_ec_keys(tmp_path: Path) -> None:
    answer = CommandLine(tmp_path / "none")(
        "fixture", "make", "all", "--out", tmp_path / "out", "--name", "pbx.mylab.test", "--ip", "10.9.9.9",
        "--key", "EC", "--json",
    )  # fmt: skip

    assert answer.exit == 0, answer.err
    for each in answer.json["fixtures"]:
        leaf = x509.load_pem_x509_certificate(Path(each["files"]["device"]).read_bytes())
        assert "peer.lab.example" not in leaf.subject.rfc4514_string()
        done = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-CAfile", str(tmp_path / "out" / "root.pem"),
             "-CRLfile", str(tmp_path / "out" / "crls.pem"),
             *(["-untrusted", each["files"]["chain"]] if Path(each["files"]["chain"]).read_text() else []),
             *each["openssl"], each["files"]["device"]],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert each["openssl_says"] in done.stdout + done.stderr
    good = next(each for each in answer.json["fixtures"] if each["name"] == "good")
    assert b"BEGIN PRIVATE KEY" in Path(good["files"]["key"]).read_bytes()
    text = (tmp_path / "out" / "what-a-correct-peer-answers.md").read_text()
    assert "## What programs were seen to do" in text


@pytest.mark.parametrize(
    "words", [("--name", "10.9.9.9!"), ("--ip", "pbx"), ("--key", "dsa"), ("--name", "")]
)
def test_odd_names_for_fixtures_are_usage_errors(tmp_path: Path, words: tuple[str, str]) -> None:
    answer = CommandLine(tmp_path / "none")(
        "fixture", "make", "good", "--out", tmp_path / "o", *words
    )

    assert answer.exit == 2
    assert not (tmp_path / "o").exists()
