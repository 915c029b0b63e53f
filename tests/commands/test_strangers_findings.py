"""What a stranger met on the first day: the right reason, the way out, and nothing half done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, SAMPLES, VECTORS, CommandLine, make_csr

Csr = Callable[..., Path]


def test_a_batch_tells_what_is_not_as_a_request_asked(sipca: CommandLine, tmp_path: Path) -> None:
    sources = (VECTORS / "found" / "cucm-ms" / "tomcat.csr", SAMPLES / "sbc1.csr")

    answer = sipca("sign", *sources, "--out", tmp_path / "out")

    assert answer.exit == 0
    assert "differs from the CSR: serialNumber=" in answer.out + answer.err


def test_a_certificate_whose_key_file_is_gone_is_said_to_be_that(
    sipca: CommandLine, tmp_path: Path
) -> None:
    sipca("issue", "a1.lab.example", "--out", tmp_path)
    (tmp_path / "a1.lab.example.key").unlink()

    answer = sipca("issue", "a1.lab.example", "--out", tmp_path)

    assert answer.exit == 6
    assert "a1.lab.example-device.pem' is there, but the key file beside it is gone" in answer.err
    assert "hint: remove it, and a new key and certificate are made" in answer.err


def test_a_bundle_of_nothing_is_not_written(sipca: CommandLine, tmp_path: Path) -> None:
    leaf = tmp_path / "leaf.pem"
    csr = tmp_path / "a.csr"
    csr.write_bytes(make_csr(cn="a.lab.example", key=EC_KEY))
    sipca("sign", csr, "-o", leaf)

    answer = sipca("trust", "build", leaf, "-o", tmp_path / "bundle.pem", "--json")

    assert answer.exit == 4
    assert answer.json["path"] is None
    assert not (tmp_path / "bundle.pem").exists()


def test_what_a_folder_holds_beside_certificates_is_named(
    sipca: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots" / "store.p12").write_bytes(b"0")
    root = sipca("chain", "--parts", "root").out
    (tmp_path / "roots" / "root.pem").write_text(root)

    answer = sipca("trust", "build", tmp_path / "roots", "-o", tmp_path / "bundle.pem")

    assert answer.exit == 0
    assert "ignored because of their names: store.p12" in answer.err


@pytest.mark.parametrize("what", ["profile", "target"])
def test_one_broken_own_file_hides_no_other(sipca: CommandLine, what: str) -> None:
    folder = sipca.home / f"{what}s"
    folder.mkdir(exist_ok=True)
    (folder / "mine.toml").write_text('schema = 1\nlifetime = "90dd"\n')

    answer = sipca(what, "list", "--json")

    assert answer.exit == 0
    records = {each["name"]: each["description"] for each in answer.json[f"{what}s"]}
    assert records["mine"].startswith("cannot be used: ")
    assert len(records) > 5


def test_a_large_batch_of_other_keys_says_nothing_of_rsa(
    sipca: CommandLine, tmp_path: Path
) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    for number in range(66):
        (inbox / f"d{number}.csr").write_bytes(make_csr(cn=f"d{number}.lab", key=EC_KEY))

    answer = sipca("sign", inbox, "--out", tmp_path / "out")

    assert answer.exit == 0
    assert "RSA keys are not examined" not in answer.out + answer.err


def test_a_refusal_of_apply_speaks_of_the_lab_file(sipca: CommandLine, tmp_path: Path) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text('schema = 1\n[[certificate]]\nissue = ["*.lab.example"]\nout = "o"\n')

    answer = sipca("apply", lab)

    assert answer.exit == 4
    assert 'allow = ["wildcard"] overrides this and is recorded' in answer.err
    assert "--allow" not in answer.err
