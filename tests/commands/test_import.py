"""``sipca import``, of CAs that other programs made in the test run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.other_programs import OpenSSLCA, run, two_tier
from stand_in.lab import EC_KEY, CommandLine

Csr = Callable[..., Path]


def test_a_root_and_an_issuing_ca_are_imported_and_go_on_signing(
    bare: CommandLine, tmp_path: Path, csr_file: Csr
) -> None:
    root, issuing = two_tier(tmp_path)

    answer = bare("import", "--root", root.path / "cacert.pem", "--root-key", root.path / "private/cakey.pem", "--issuing", issuing.path / "cacert.pem", "--issuing-key", issuing.path / "private/cakey.pem", "--no-passphrase", "--json")  # fmt: skip

    assert answer.exit == 0, answer.err
    assert [ca["role"] for ca in answer.json["cas"]] == ["root", "issuing"]
    assert answer.json["ca"] == "Old Root"
    signed = bare("sign", csr_file("sbc1", "dns:sbc1.lab.example", key=EC_KEY), "--out", tmp_path / "out")
    assert signed.exit == 0, signed.err
    text = run("openssl", "x509", "-in", tmp_path / "out/sbc1-device.pem", "-noout", "-text", cwd=tmp_path)
    ski = run("openssl", "x509", "-in", issuing.path / "cacert.pem", "-noout", "-ext", "subjectKeyIdentifier", cwd=tmp_path)
    assert ski.split()[-1] in text.partition("Authority Key Identifier")[2]
    run("openssl", "verify", "-x509_strict", "-CAfile", root.path / "cacert.pem", "-untrusted", issuing.path / "cacert.pem", tmp_path / "out/sbc1-device.pem", cwd=tmp_path)  # fmt: skip
    assert bare("check").exit == 0, bare("check").out
    assert bare("log", "--verify").exit == 0


def ocsp(bare: CommandLine, tmp_path: Path, ca: Path, serial: str) -> str:
    """What ``openssl ocsp`` reads in our answer for a serial."""
    request, response = tmp_path / "q.der", tmp_path / "a.der"
    run("openssl", "ocsp", "-issuer", ca, "-serial", serial, "-reqout", request, "-no_nonce", cwd=tmp_path)  # fmt: skip
    response.unlink(missing_ok=True)
    answer = bare("ocsp", "respond", request, "-o", response)
    assert answer.exit == 0, answer.err
    done = subprocess.run(
        ["openssl", "ocsp", "-respin", response, "-issuer", ca, "-serial", serial, "-CAfile", ca, "-no_nonce"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Response verify OK" in done.stderr, done.stderr
    return done.stdout


def statuses(bare: CommandLine) -> dict[str, str]:
    """Each certificate's status, by its CN."""
    listed = bare("list", "--all", "--json").json["certificates"]
    return {names(each): each["status"] for each in listed}


def names(record: dict[str, str]) -> str:
    """The CN of a record."""
    return record["subject"].partition("CN=")[2].partition(",")[0]


@pytest.fixture
def one_tier(tmp_path: Path) -> OpenSSLCA:
    """``openssl ca`` with a root that signs devices: valid, revoked, held, expired, file gone."""
    ca = OpenSSLCA(tmp_path / "ca")
    ca.sign("good")
    ca.sign("stolen")
    ca.revoke("stolen", "keyCompromise")
    ca.sign("held")
    ca.revoke("held", "certificateHold")
    ca.sign("old", "-startdate", "20200101000000Z", "-enddate", "20210101000000Z")
    ca.sign("lost")
    (ca.path / "newcerts/05.pem").unlink()
    ca.crl()
    return ca


def test_a_folder_of_openssl_ca_is_imported_with_its_index(
    bare: CommandLine, one_tier: OpenSSLCA, tmp_path: Path, csr_file: Csr
) -> None:
    for name in ("good", "stolen", "held", "old", "lost"):
        (one_tier.path / f"{name}.pem").rename(tmp_path / f"{name}.pem")
    root = one_tier.path / "cacert.pem"

    answer = bare("import", "--openssl", one_tier.path, "--no-passphrase", "--json")

    assert answer.exit == 0, answer.err
    assert answer.json["refused"] == []
    expected = {"good": "valid", "stolen": "revoked", "held": "held", "old": "expired", "lost": "valid"}  # fmt: skip
    assert statuses(bare) == expected
    assert bare("crl", "--ca", "root", "-o", tmp_path / "root.crl").exit == 0
    text = run("openssl", "crl", "-in", tmp_path / "root.crl", "-noout", "-text", cwd=tmp_path)
    assert "Serial Number: 02" in text
    assert "Key Compromise" in text
    assert "Certificate Hold" in text
    assert "02: revoked" in ocsp(bare, tmp_path, root, "0x02")
    assert "01: good" in ocsp(bare, tmp_path, root, "0x01")
    assert "05: good" in ocsp(bare, tmp_path, root, "0x05")
    assert bare("revoke", "good").exit == 0
    assert bare("revoke", "--serial", "05").exit == 0
    assert bare("revoke", "lost").exit == 6
    assert statuses(bare)["lost"] == "revoked"
    assert bare("crl", "--ca", "root", "-o", tmp_path / "root.crl").exit == 0
    text = run("openssl", "crl", "-in", tmp_path / "root.crl", "-noout", "-text", cwd=tmp_path)
    assert "Serial Number: 05" in text
    signed = bare("sign", csr_file("sbc1", "dns:sbc1.lab.example", key=EC_KEY), "--out", tmp_path / "out")  # fmt: skip
    assert signed.exit == 0, signed.err
    chain = tmp_path / "out/trusted-root.pem"
    run("openssl", "verify", "-x509_strict", "-CAfile", root, "-untrusted", chain, tmp_path / "out/sbc1-device.pem", cwd=tmp_path)  # fmt: skip
    assert bare("log", "--verify").exit == 0
    assert bare("check").exit == 0, bare("check").out
    assert bare("show", "good").exit == 0
    assert bare("show", "lost").exit == 5


def test_a_dry_run_judges_everything_and_leaves_nothing(
    bare: CommandLine, one_tier: OpenSSLCA
) -> None:
    answer = bare("import", "--openssl", one_tier.path, "--no-passphrase", "--dry-run", "--json")

    assert answer.exit == 0, answer.err
    assert len(answer.json["imported"]) == 5
    assert "an issuing CA would be made under the root" in answer.err
    assert not bare.home.exists()


def test_importing_again_adds_nothing_and_what_is_new_is_added(
    bare: CommandLine, one_tier: OpenSSLCA
) -> None:
    bare("import", "--openssl", one_tier.path, "--no-passphrase")
    one_tier.sign("late")
    one_tier.revoke("late")

    again = bare("import", "--openssl", one_tier.path, "--json")

    assert again.exit == 0, again.err
    assert [each["subject"] for each in again.json["imported"]] == ["CN=late, O=Lab"]
    assert again.json["known"] == 4
    assert statuses(bare)["late"] == "revoked"
    assert bare("import", "--openssl", one_tier.path, "--json").json["imported"] == []
    assert bare("log", "--verify").exit == 0


def test_a_file_that_was_gone_takes_the_place_of_its_entry(
    bare: CommandLine, one_tier: OpenSSLCA
) -> None:
    bare("import", "--openssl", one_tier.path, "--no-passphrase")

    answer = bare("import", "--certificates", one_tier.path / "lost.pem", "--json")

    assert answer.json["imported"][0]["serial"] == "05"
    listed = bare("list", "--all", "--json").json["certificates"]
    assert [names(each) for each in listed].count("lost") == 1
    assert bare("show", "lost").exit == 0


def test_a_root_that_may_sign_no_ca_is_refused(bare: CommandLine, tmp_path: Path) -> None:
    ca = OpenSSLCA(tmp_path / "ca", extensions="narrow")

    answer = bare("import", "--openssl", ca.path, "--no-passphrase")

    assert answer.exit == 4
    assert "may sign no CA: its pathLenConstraint is 0" in answer.err
    assert "hint: make a new CA with sipca init in another --home" in answer.err
    assert not (bare.home / "ca.db").exists()


def test_crl_numbers_go_on_above_the_imported_one(
    bare: CommandLine, one_tier: OpenSSLCA, tmp_path: Path
) -> None:
    (one_tier.path / "crlnumber").write_text("FF00000000000000\n")

    bare("import", "--openssl", one_tier.path, "--no-passphrase")

    bare("crl", "--ca", "root", "-o", tmp_path / "root.crl")
    text = run("openssl", "crl", "-in", tmp_path / "root.crl", "-noout", "-crlnumber", cwd=tmp_path)
    assert text.strip() == "crlNumber=0xFF00000000000001"
