"""CRLs, OCSP and CA certificates of a home that was rotated, before openssl."""

from __future__ import annotations

import contextlib
import importlib
import io
import subprocess
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import CommandLine, make_csr
from stand_in.service import serving


class Lab(NamedTuple):
    """A home after ``ca rotate --root``: a leaf and full chain of before, and one of after."""

    sipca: CommandLine
    folder: Path
    old_root: Path
    new_root: Path

    def chain(self, stem: str) -> Path:
        return self.folder / f"{stem}-fullchain.pem"


def sign(sipca: CommandLine, folder: Path, stem: str) -> None:
    request = folder / f"{stem}.csr"
    key = ec.generate_private_key(ec.SECP256R1())
    request.write_bytes(make_csr(cn=f"{stem}.lab.example", key=key))
    assert sipca("sign", request, "--out", folder, "--fullchain").exit == 0


@pytest.fixture
def lab(sipca: CommandLine, tmp_path: Path) -> Lab:
    sign(sipca, tmp_path, "old")
    sign(sipca, tmp_path, "gone")
    old_root = tmp_path / "old-root.pem"
    old_root.write_text((tmp_path / "trusted-1-root.pem").read_text())
    assert sipca("ca", "rotate", "--root").exit == 0
    sign(sipca, tmp_path, "new")
    for stem in ("old", "gone"):  # written again, with the cross certificate of the old root
        kit = tmp_path / f"kit-{stem}"
        words = ("--target", "generic", "--out", kit)
        assert sipca("export", f"{stem}.lab.example", *words).exit == 0
        (tmp_path / f"{stem}-fullchain.pem").write_text((kit / f"{stem}-fullchain.pem").read_text())
    return Lab(sipca, tmp_path, old_root, tmp_path / "trusted-1-root.pem")


def openssl(*words: object) -> str:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def with_crls(lab: Lab, root: Path, stem: str) -> str:
    crls = lab.folder / "all.crl"
    assert lab.sipca("crl", "--ca", "all", "-o", crls).exit == 0
    return openssl(
        "verify", "-x509_strict", "-crl_check_all", "-CRLfile", crls, "-no-CApath", "-CAfile", root,
        "-untrusted", lab.chain(stem), lab.chain(stem),
    )  # fmt: skip


def test_openssl_checks_each_chain_against_the_crls_of_all_cas_on_either_root(lab: Lab) -> None:
    for root in (lab.old_root, lab.new_root):
        for stem in ("old", "new"):
            assert with_crls(lab, root, stem).strip().endswith(": OK"), (root, stem)

    lab.sipca("revoke", "gone.lab.example", "--reason", "cessation")

    for root in (lab.old_root, lab.new_root):
        assert "certificate revoked" in with_crls(lab, root, "gone")
        assert with_crls(lab, root, "new").strip().endswith(": OK")


def test_a_revoked_cross_certificate_leads_nowhere_and_is_sent_no_more(lab: Lab) -> None:
    listed = lab.sipca("ca", "list", "--json").json["cas"]
    current = listed[0]["id"]
    (cross,) = (each for each in listed if each["cross_of"] and each["id"] == current)

    assert lab.sipca("revoke", cross["serial"], "--reason", "superseded").exit == 0

    assert "certificate revoked" in with_crls(lab, lab.old_root, "new")
    assert with_crls(lab, lab.new_root, "new").strip().endswith(": OK")
    sign(lab.sipca, lab.folder, "later")
    assert lab.chain("later").read_text().count("BEGIN CERTIFICATE") == 2


def test_a_server_that_runs_through_a_rotation_answers_for_both_cas(
    sipca: CommandLine, tmp_path: Path
) -> None:
    sign(sipca, tmp_path, "old")
    old = tmp_path / "old-issuing.pem"
    old.write_text((tmp_path / "trusted-2-issuing.pem").read_text())
    with serving(sipca.home, tmp_path / "log") as service:
        sipca("ca", "rotate")
        sign(sipca, tmp_path, "new")
        listed = sipca("ca", "list", "--json").json["cas"]
        for ca in listed:
            crl = get(f"{service.http}/crl/{ca['id']}.crl")
            certificate = get(f"{service.http}/ca/{ca['id']}.cer")
            (tmp_path / "ca.cer").write_bytes(certificate)
            (tmp_path / "ca.crl").write_bytes(crl)
            text = openssl(
                "x509", "-inform", "der", "-in", tmp_path / "ca.cer", "-noout", "-subject"
            )
            assert ca["name"] in text
            text = openssl("crl", "-inform", "der", "-in", tmp_path / "ca.crl", "-noout", "-issuer")
            assert ca["name"] in text
        assert get(f"{service.http}/ca/issuing.cer") == get(
            f"{service.http}/ca/{listed[1]['id']}.cer"
        )
        for stem, issuer in (("old", old), ("new", tmp_path / "trusted-2-issuing.pem")):
            leaf = tmp_path / f"{stem}-device.pem"
            said = openssl(
                "ocsp", "-issuer", issuer, "-cert", leaf, "-url", service.ocsp,
                "-CAfile", tmp_path / "trusted-root.pem", "-no_nonce",
            )  # fmt: skip
            assert f"{leaf}: good" in said
            assert "Response verify OK" in said


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as reply:
        octets: bytes = reply.read()
    return octets


@pytest.mark.parametrize("kind", ["ec:p256", "rsa:2048"])
def test_pkilint_has_no_error_for_successors_and_cross_certificates(
    bare: CommandLine, tmp_path: Path, kind: str
) -> None:
    bare(
        "init", "--name", "Judged", "--org", "Acme", "--country", "NL", "--root-key", kind,
        "--issuing-key", kind, "--no-passphrase", "--base-url", "http://10.0.0.5:8080",
        "--permit-dns", "lab.example", "--permit-ip", "10.0.0.0/8",
    )  # fmt: skip
    for words in ((), ("--same-key",), ("--root",), ("--root", "--same-key")):
        assert bare("ca", "rotate", *words).exit == 0, words

    files: dict[str, Path] = {}
    listed = bare("ca", "list", "--json").json["cas"]
    for ca in listed:
        path = files[ca["serial"]] = tmp_path / f"{ca['serial']}.pem"
        path.write_text(bare("show", ca["serial"], "--pem").out)
        assert pkilint("lint_pkix_cert", path) == "", ca
    crosses = [each for each in listed if each["cross_of"]]
    assert len(crosses) == 2
    for cross in crosses:
        by = next(e for e in listed if e["id"] == cross["cross_of"] and not e["cross_of"])
        signer, signee = files[by["serial"]], files[cross["serial"]]
        assert pkilint("lint_pkix_signer_signee_cert_chain", signer, signee) == "", cross


def pkilint(tool: str, *words: object) -> str:
    """The findings of error level or worse."""
    module = importlib.import_module(f"pkilint.bin.{tool}")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        module.main(["lint", "-s", "ERROR", *map(str, words)])
    return out.getvalue().strip()
