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
