"""``sipca import``, of CAs that other programs made in the test run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID
from stand_in.lab import EC_KEY, NOW, CommandLine
from stand_in.other_programs import OpenSSLCA, run, two_tier

from ca.encoding.bundles import first_certificate
from ca.encoding.certificates import read_certificate
from ca.encoding.der import (
    BIT_STRING,
    encode_integer,
    encode_oid,
    sequence,
    signed,
    signed_parts,
    split,
    tlv,
)

Csr = Callable[..., Path]


def test_a_root_and_an_issuing_ca_are_imported_and_go_on_signing(
    bare: CommandLine, tmp_path: Path, csr_file: Csr
) -> None:
    root, issuing = two_tier(tmp_path)

    answer = bare("import", "--root", root.path / "cacert.pem", "--root-key", root.path / "private/cakey.pem", "--issuing", issuing.path / "cacert.pem", "--issuing-key", issuing.path / "private/cakey.pem", "--no-passphrase", "--json")  # fmt: skip

    assert answer.exit == 0, answer.err
    assert [ca["role"] for ca in answer.json["cas"]] == ["root", "issuing"]
    assert answer.json["ca"] == "Old Root"
    signed = bare(
        "sign", csr_file("sbc1", "dns:sbc1.lab.example", key=EC_KEY), "--out", tmp_path / "out"
    )
    assert signed.exit == 0, signed.err
    text = run(
        "openssl", "x509", "-in", tmp_path / "out/sbc1-device.pem", "-noout", "-text", cwd=tmp_path
    )
    ski = run(
        "openssl",
        "x509",
        "-in",
        issuing.path / "cacert.pem",
        "-noout",
        "-ext",
        "subjectKeyIdentifier",
        cwd=tmp_path,
    )
    assert ski.split()[-1] in text.partition("Authority Key Identifier")[2]
    run("openssl", "verify", "-x509_strict", "-CAfile", root.path / "cacert.pem", "-untrusted", issuing.path / "cacert.pem", tmp_path / "out/sbc1-device.pem", cwd=tmp_path)  # fmt: skip
    device = read_certificate(first_certificate((tmp_path / "out/sbc1-device.pem").read_bytes(), what="it"))  # fmt: skip
    above = read_certificate(first_certificate((issuing.path / "cacert.pem").read_bytes(), what="it"))  # fmt: skip
    assert device.issuer_der == above.subject_der
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


EASY_RSA = "/usr/share/easy-rsa/easyrsa"


def test_a_pki_of_easy_rsa_is_imported_with_its_encrypted_key(
    bare: CommandLine, tmp_path: Path, csr_file: Csr
) -> None:
    (tmp_path / "pass").write_text("seven words\n")
    (tmp_path / "same").write_text("seven words\n")  # openssl reads two lines of one file
    (tmp_path / "home-pass").write_text("other words\n")
    pki = tmp_path / "pki"

    def easy_rsa(*words: str) -> None:
        secret = f"--passin=file:{tmp_path}/pass", f"--passout=file:{tmp_path}/same"
        run(EASY_RSA, "--batch", f"--pki-dir={pki}", *secret, *words, cwd=tmp_path)

    easy_rsa("init-pki")
    easy_rsa("--req-cn=Easy CA", "build-ca")
    for name in ("gw1", "gw2", "gw3"):
        easy_rsa(f"--subject-alt-name=DNS:{name}", "build-server-full", name, "nopass")
    easy_rsa("revoke", "gw2", "cessationOfOperation")
    easy_rsa("gen-crl")

    answer = bare("import", "--easy-rsa", pki, "--key-passphrase-file", tmp_path / "pass", "--passphrase-file", tmp_path / "home-pass", "--json")  # fmt: skip

    assert answer.exit == 0, answer.err
    assert answer.json["refused"] == []
    assert answer.json["ca"] == "Easy CA"
    assert {ca["key_protection"] for ca in answer.json["cas"]} == {"passphrase"}
    assert statuses(bare) == {"gw1": "valid", "gw2": "revoked", "gw3": "valid"}
    secret = ("--passphrase-file", tmp_path / "home-pass")
    assert bare("revoke", "gw3", *secret).exit == 0
    bare("crl", "--ca", "root", "-o", tmp_path / "root.crl", *secret)
    text = run("openssl", "crl", "-in", tmp_path / "root.crl", "-noout", "-text", cwd=tmp_path)
    assert "Cessation Of Operation" in text
    serial = next(e["serial"] for e in answer.json["imported"] if names(e) == "gw2")
    assert "revoked" in ocsp(bare, tmp_path, pki / "ca.crt", f"0x{serial}")
    signed = bare("sign", csr_file("sbc1", "dns:sbc1.lab.example", key=EC_KEY), "--out", tmp_path / "out", *secret)  # fmt: skip
    assert signed.exit == 0, signed.err
    chain = tmp_path / "out/trusted-root.pem"
    assert "its basicConstraints are not critical" in answer.err  # as easy-rsa makes them
    run("openssl", "verify", "-CAfile", pki / "ca.crt", "-untrusted", chain, tmp_path / "out/sbc1-device.pem", cwd=tmp_path)  # fmt: skip
    assert bare("log", "--verify").exit == 0
    assert "seven words" not in (answer.out + answer.err)


KINDS = {
    "traditional": ("rsa", "-aes256", "-traditional"),
    "traditional-3des": ("rsa", "-des3", "-traditional"),
    "pbes2": ("pkcs8", "-topk8", "-v2", "aes-256-cbc"),
    "pbes2-der": ("pkcs8", "-topk8", "-v2", "aes-128-cbc", "-outform", "DER"),
    "pbes2-scrypt": ("pkcs8", "-topk8", "-scrypt"),
    "pbes1-3des": ("pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES"),
    "plain": ("rsa",),
    "plain-der": ("rsa", "-outform", "DER"),
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> OpenSSLCA:
    """A root alone, whose key is written in every form."""
    ca = OpenSSLCA(tmp_path_factory.mktemp("forms") / "ca")
    (ca.path / "pass").write_text("seven words\n")
    return ca


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_read_in_every_form_that_openssl_writes(
    bare: CommandLine, pair: OpenSSLCA, kind: str
) -> None:
    command, *options = KINDS[kind]
    output = ["-passout", "file:pass"] if not kind.startswith("plain") else []
    pair(command, "-in", "private/cakey.pem", *options, *output, "-out", f"{kind}.key")

    answer = bare("import", "--root", pair.path / "cacert.pem", "--root-key", pair.path / f"{kind}.key", "--key-passphrase-file", pair.path / "pass", "--no-passphrase")  # fmt: skip

    assert answer.exit == 0, answer.err
    assert bare("crl", "--ca", "root", "--refresh").exit == 0


@pytest.mark.parametrize("legacy", [(), ("-legacy",)])
def test_certificate_and_key_are_read_from_one_pkcs12(
    bare: CommandLine, pair: OpenSSLCA, legacy: tuple[str, ...]
) -> None:
    pair("pkcs12", "-export", *legacy, "-in", "cacert.pem", "-inkey", "private/cakey.pem", "-passout", "file:pass", "-out", "ca.p12")  # fmt: skip

    answer = bare("import", "--root", pair.path / "ca.p12", "--key-passphrase-file", pair.path / "pass", "--no-passphrase")  # fmt: skip

    assert answer.exit == 0, answer.err
    assert bare("crl", "--ca", "root", "--refresh").exit == 0


def test_a_wrong_and_a_missing_passphrase_are_said_and_nothing_is_made(
    bare: CommandLine, pair: OpenSSLCA, tmp_path: Path
) -> None:
    pair("rsa", "-in", "private/cakey.pem", "-aes256", "-traditional", "-passout", "file:pass", "-out", "t.key")  # fmt: skip
    (tmp_path / "wrong").write_text("no\n")
    words = ("import", "--root", pair.path / "cacert.pem", "--root-key", pair.path / "t.key")

    missing = bare(*words, "--no-passphrase")
    wrong = bare(*words, "--no-passphrase", "--key-passphrase-file", tmp_path / "wrong")

    assert (missing.exit, wrong.exit) == (7, 7)
    assert "hint: --key-passphrase-file FILE" in missing.err
    assert not (bare.home / "ca.db").exists()


def test_another_certificate_s_key_is_refused(
    bare: CommandLine, pair: OpenSSLCA, tmp_path: Path
) -> None:
    other = OpenSSLCA(tmp_path / "other")

    answer = bare("import", "--root", pair.path / "cacert.pem", "--root-key", other.path / "private/cakey.pem", "--no-passphrase")  # fmt: skip

    assert answer.exit == 7
    assert "is not that of" in answer.err
    assert "hint: --root-key names the file with the key of this certificate" in answer.err


def test_an_issuing_ca_of_another_root_a_leaf_and_a_root_in_its_place_are_refused(
    bare: CommandLine, pair: OpenSSLCA, tmp_path: Path
) -> None:
    root, issuing = two_tier(tmp_path)
    leaf = root.sign("leaf")

    foreign = bare("import", "--root", pair.path / "cacert.pem", "--issuing", issuing.path / "cacert.pem")  # fmt: skip
    device = bare("import", "--root", leaf)
    swapped = bare("import", "--root", issuing.path / "cacert.pem")
    twice = bare("import", "--root", root.path / "cacert.pem", "--issuing", root.path / "cacert.pem")  # fmt: skip

    assert foreign.exit == 9
    assert "the issuing CA is not the root's" in foreign.err
    assert device.exit == 4
    assert "is no CA certificate" in device.err
    assert swapped.exit == 4
    assert "is not a root: it was issued by 'Old Root'" in swapped.err
    assert twice.exit == 4
    assert "is a root, not an issuing CA" in twice.err
    assert not bare.home.exists()


def test_a_root_without_its_key_verifies_and_exports_but_does_not_sign(
    bare: CommandLine, tmp_path: Path, csr_file: Csr
) -> None:
    root, issuing = two_tier(tmp_path)

    answer = bare("import", "--root", root.path / "cacert.pem", "--issuing", issuing.path / "cacert.pem", "--issuing-key", issuing.path / "private/cakey.pem", "--no-passphrase", "--json")  # fmt: skip

    assert answer.exit == 0, answer.err
    assert answer.json["cas"][0]["key_protection"] == "away"
    assert "the root CA 'Old Root' has no key here" in answer.err
    assert bare("sign", csr_file("sbc1", "dns:sbc1.lab.example", cn="sbc1.lab.example"), "--out", tmp_path / "out").exit == 0  # fmt: skip
    assert bare("status").exit == bare("chain").exit == bare("export", "sbc1.lab.example", "--out", tmp_path / "kit").exit == 0  # fmt: skip
    refused = bare("crl", "--ca", "root", "--refresh")
    assert refused.exit == 7
    assert "the key of Old Root is away" in refused.err
    assert "hint: " in refused.err
    findings = bare("check", "--json").json["findings"]
    assert {each["code"] for each in findings} == {"crl-missing", "ocsp-signer-missing"}
    assert bare("log", "--verify").exit == 0


def test_a_one_tier_root_without_its_key_is_refused(bare: CommandLine, pair: OpenSSLCA) -> None:
    answer = bare("import", "--root", pair.path / "cacert.pem")

    assert answer.exit == 7
    assert "hint: give --root-key KEY, or the issuing CA that exists: --issuing CERT" in answer.err


def test_a_ca_is_not_imported_into_a_home_that_has_one(sipca: CommandLine, pair: OpenSSLCA) -> None:
    answer = sipca("import", "--root", pair.path / "cacert.pem")

    assert answer.exit == 6
    assert "there is another CA in" in answer.err
    assert "hint: import this one into another --home" in answer.err


def test_the_same_import_again_changes_nothing(bare: CommandLine, pair: OpenSSLCA) -> None:
    words = ("import", "--root", pair.path / "cacert.pem", "--root-key", pair.path / "private/cakey.pem", "--no-passphrase")  # fmt: skip
    assert bare(*words).exit == 0
    before = bare("log", "--json").json["events"]

    again = bare(*words, "--json")

    assert again.exit == 0, again.err
    assert again.json["created"] is False
    assert bare("log", "--json").json["events"] == before


def test_one_bad_file_among_many_never_stops_the_others(
    bare: CommandLine, one_tier: OpenSSLCA, tmp_path: Path
) -> None:
    bare("import", "--root", one_tier.path / "cacert.pem", "--root-key", one_tier.path / "private/cakey.pem", "--no-passphrase")  # fmt: skip
    folder = one_tier.path / "newcerts"
    (folder / "bad.pem").write_text(
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    )
    (folder / "empty.pem").write_text("")
    (folder / "notes.txt").write_text("hello")
    (folder / "some.key").write_text((one_tier.path / "good.key").read_text())
    stranger = OpenSSLCA(tmp_path / "stranger").sign("stranger")
    (folder / "stranger.pem").write_text(stranger.read_text())

    answer = bare("import", "--certificates", folder, "--json")

    assert answer.exit == 4
    assert sorted(names(each) for each in answer.json["imported"]) == ["good", "held", "old", "stolen"]  # fmt: skip
    refused = {Path(each["source"]).name: each for each in answer.json["refused"]}
    assert set(refused) == {"bad.pem", "empty.pem", "stranger.pem"}
    assert refused["stranger.pem"]["kind"] == "refused"
    assert "the key of that CA did not sign it" in refused["stranger.pem"]["message"]
    assert all(each["hint"] for each in refused.values())


def odd_certificate(root: OpenSSLCA, tmp_path: Path, cn: str, serial: int, **rest: Any) -> Path:
    """A certificate as old programs made them: any serial, hash or curve."""
    ca = x509.load_pem_x509_certificate((root.path / "cacert.pem").read_bytes())
    key = load_pem_private_key((root.path / "private/cakey.pem").read_bytes(), None)
    start = NOW - timedelta(days=100)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)]))
        .issuer_name(ca.subject)
        .public_key(EC_KEY.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=2000))
    )
    der = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    tbs, _, _ = signed_parts(der, what="it")
    fields = split(tbs.raw)
    fields[1] = encode_integer(serial)
    if "spki" in rest:
        fields[6] = rest["spki"]
    chosen = rest.get("hash", hashes.SHA256())
    if "hash" in rest:
        fields[2] = sequence(encode_oid("1.2.840.113549.1.1.5"), b"\x05\x00")
    made = sequence(*fields)
    signature = key.sign(made, padding.PKCS1v15(), chosen)
    path = tmp_path / f"{cn}.der"
    path.write_bytes(signed(made, fields[2], signature))
    return path


SECP160R1 = "1.3.132.0.8"


def test_relics_of_old_tools_are_read_listed_reported_and_revoked(
    bare: CommandLine, tmp_path: Path
) -> None:
    root = OpenSSLCA(tmp_path / "ca")
    folder = tmp_path / "leaves"
    folder.mkdir()
    point = b"\x00\x04" + bytes(range(40))
    secp160 = sequence(
        sequence(encode_oid("1.2.840.10045.2.1"), encode_oid(SECP160R1)), tlv(BIT_STRING, point)
    )
    odd_certificate(root, folder, "first", 1)
    odd_certificate(root, folder, "second", 1)
    odd_certificate(root, folder, "zero", 0)
    odd_certificate(root, folder, "minus", -1)
    odd_certificate(root, folder, "long", 1 << 199)
    odd_certificate(root, folder, "sha1", 77, hash=hashes.SHA1())
    odd_certificate(root, folder, "small-curve", 78, spki=secp160)

    answer = bare("import", "--root", root.path / "cacert.pem", "--root-key", root.path / "private/cakey.pem", "--certificates", folder, "--no-passphrase", "--json")  # fmt: skip

    assert answer.exit == 0, answer.out
    remarks = {names(each): " ".join(each["remarks"]) for each in answer.json["imported"]}
    assert "serial number is zero" in remarks["zero"]
    assert "serial number is negative" in remarks["minus"]
    assert "octets, more than 20" in remarks["long"]
    assert "that of another certificate of its issuer" in remarks["first"] + remarks["second"]
    assert "sha1WithRSAEncryption" in remarks["sha1"]
    assert SECP160R1 in remarks["small-curve"]
    assert set(statuses(bare).values()) == {"valid"}
    assert len(statuses(bare)) == 7
    assert bare("list", "--all").exit == bare("status").exit == 0
    for name in ("second", "zero", "minus", "long", "sha1", "small-curve"):
        assert bare("show", name).exit == 0, bare("show", name).err
        assert bare("revoke", name, "--no-crl").exit == 0, name
    assert set(statuses(bare).values()) == {"revoked"}
    assert bare("crl", "--ca", "root", "-o", tmp_path / "root.crl").exit == 0
    text = run("openssl", "crl", "-in", tmp_path / "root.crl", "-noout", "-text", cwd=tmp_path)
    assert "Serial Number: 00" in text
    assert "Serial Number: -01" in text
    assert f"Serial Number: {1 << 199:X}" in text
    ca = root.path / "cacert.pem"
    assert "revoked" in ocsp(bare, tmp_path, ca, "0x01")
    assert "revoked" in ocsp(bare, tmp_path, ca, "-1")
    assert "revoked" in ocsp(bare, tmp_path, ca, hex(1 << 199))
    assert bare("log", "--verify").exit == 0
    assert bare("check", "--rebuild").exit in (0, 9)
    assert bare("log", "--verify").exit == 0


def test_certificates_of_certtool_and_folders_as_xca_exports_them(
    bare: CommandLine, tmp_path: Path
) -> None:
    ca = tmp_path / "xca"
    ca.mkdir()
    (ca / "ca.tmpl").write_text('cn = "Desk CA"\nca\ncert_signing_key\ncrl_signing_key\nexpiration_days = 900\n')  # fmt: skip
    (ca / "leaf.tmpl").write_text('cn = "desk1"\ndns_name = "desk1"\nserial = 9\nexpiration_days = 300\n')  # fmt: skip
    run("certtool", "--generate-privkey", "--ecc", "--outfile", "ca.key", cwd=ca)
    run("certtool", "--generate-self-signed", "--load-privkey", "ca.key", "--template", "ca.tmpl", "--outfile", "Desk_CA.crt", cwd=ca)  # fmt: skip
    run("certtool", "--generate-privkey", "--ecc", "--outfile", "desk1.key", cwd=ca)
    run("certtool", "--generate-certificate", "--load-privkey", "desk1.key", "--load-ca-certificate", "Desk_CA.crt", "--load-ca-privkey", "ca.key", "--template", "leaf.tmpl", "--outfile", "leaf.crt", cwd=ca)  # fmt: skip
    (ca / "pass").write_text("seven words\n")
    run("openssl", "pkcs12", "-export", "-in", "leaf.crt", "-inkey", "desk1.key", "-certfile", "Desk_CA.crt", "-passout", "file:pass", "-out", "desk1.p12", cwd=ca)  # fmt: skip
    run("openssl", "pkcs12", "-export", "-in", "Desk_CA.crt", "-inkey", "ca.key", "-passout", "file:pass", "-out", "Desk_CA.p12", cwd=ca)  # fmt: skip
    (ca / "leaf.crt").unlink()

    answer = bare("import", "--root", ca / "Desk_CA.p12", "--certificates", ca, "--key-passphrase-file", ca / "pass", "--no-passphrase", "--json")  # fmt: skip

    assert answer.exit == 0, answer.out
    assert statuses(bare) == {"desk1": "valid"}
    assert answer.json["ca"] == "Desk CA"
    run("certtool", "--verify-chain", "--infile", chain_file(bare, tmp_path), cwd=tmp_path)
    assert bare("revoke", "desk1").exit == 0
    assert "revoked" in ocsp(bare, tmp_path, ca / "Desk_CA.crt", "9")


def chain_file(bare: CommandLine, tmp_path: Path) -> Path:
    path = tmp_path / "chain.pem"
    assert bare("chain", "-o", path).exit == 0
    return path


def test_two_folders_of_openssl_ca_are_root_and_issuing_ca(
    bare: CommandLine, tmp_path: Path
) -> None:
    root, issuing = two_tier(tmp_path)
    issuing.sign("sbc1")
    issuing.sign("sbc2")
    issuing.revoke("sbc2")

    answer = bare("import", "--openssl", root.path, "--openssl", issuing.path, "--name", "Mine", "--no-passphrase", "--json")  # fmt: skip

    assert answer.exit == 0, answer.out + answer.err
    assert answer.json["ca"] == "Mine"
    assert statuses(bare) == {"sbc1": "valid", "sbc2": "revoked"}
    assert "02: revoked" not in ocsp(bare, tmp_path, root.path / "cacert.pem", "0x02")
    assert bare("check").exit == 0


def test_a_dry_run_into_a_home_that_exists_changes_nothing(
    bare: CommandLine, one_tier: OpenSSLCA
) -> None:
    bare("import", "--openssl", one_tier.path, "--no-passphrase")
    one_tier.sign("late")
    before = bare("log", "--json").json["events"]

    answer = bare("import", "--openssl", one_tier.path, "--dry-run", "--json")

    assert [names(each) for each in answer.json["imported"]] == ["late"]
    assert bare("log", "--json").json["events"] == before


def test_a_pkcs12_that_does_not_open_is_refused_by_name(
    bare: CommandLine, pair: OpenSSLCA, one_tier: OpenSSLCA
) -> None:
    bare("import", "--openssl", one_tier.path, "--no-passphrase")
    one_tier("pkcs12", "-export", "-in", "good.pem", "-inkey", "good.key", "-passout", f"file:{pair.path}/pass", "-out", "good.p12")  # fmt: skip

    answer = bare("import", "--certificates", one_tier.path / "good.p12", "--json")

    assert answer.exit == 7
    assert answer.json["refused"][0]["kind"] == "key"
    assert "--key-passphrase-file FILE" in answer.json["refused"][0]["hint"]


def test_a_folder_that_is_not_there_and_nothing_to_import_are_said(bare: CommandLine) -> None:
    missing = bare("import", "--easy-rsa", "/nowhere/pki")
    nothing = bare("import")

    assert missing.exit == 5
    assert "there is no folder '/nowhere/pki'" in missing.err
    assert nothing.exit == 2


def test_a_damaged_index_costs_its_damaged_lines_alone(
    bare: CommandLine, one_tier: OpenSSLCA
) -> None:
    index = one_tier.path / "index.txt"
    index.write_text("garbage\n" + index.read_text())

    answer = bare("import", "--openssl", one_tier.path, "--no-passphrase", "--json")

    assert answer.exit == 3
    assert [each["source"] for each in answer.json["refused"]] == [f"{index}:1"]
    assert len(answer.json["imported"]) == 5


@pytest.mark.parametrize("key", [("ED25519",), ("EC", "-pkeyopt", "ec_paramgen_curve:secp256k1")])
def test_a_ca_whose_key_sipca_does_not_sign_with_is_refused(
    bare: CommandLine, tmp_path: Path, key: tuple[str, ...]
) -> None:
    run("openssl", "genpkey", "-algorithm", *key, "-out", "k", cwd=tmp_path)
    run("openssl", "req", "-x509", "-new", "-key", "k", "-out", "c", "-subj", "/CN=Odd", cwd=tmp_path)  # fmt: skip

    answer = bare("import", "--root", tmp_path / "c", "--root-key", tmp_path / "k", "--no-passphrase")  # fmt: skip

    assert answer.exit == 4
    assert "a CA key of the type" in answer.err
    assert "hint: a CA here has an RSA key" in answer.err


def test_certificates_of_version_1_with_md5_and_short_keys_are_named_and_revoked(
    bare: CommandLine, tmp_path: Path
) -> None:
    root = OpenSSLCA(tmp_path / "ca")
    for name in ("md5", "sha1"):
        root("req", "-new", "-config", "openssl.cnf", "-newkey", "rsa:1024", "-nodes", "-keyout", "k", "-subj", f"/CN={name}", "-out", "c")  # fmt: skip
        root("x509", "-req", "-in", "c", "-CA", "cacert.pem", "-CAkey", "private/cakey.pem", "-CAcreateserial", f"-{name}", "-out", f"newcerts/{name}.pem")  # fmt: skip

    answer = bare("import", "--openssl", root.path, "--no-passphrase", "--json")

    assert answer.exit == 0, answer.out
    remarks = {names(each): each["remarks"] for each in answer.json["imported"]}
    for name in ("md5", "sha1"):
        assert f"it is signed with {name}WithRSAEncryption, which can be forged" in remarks[name]
        assert "the key is RSA 1024, but at least 2048 bits are required" in remarks[name]
    assert bare("revoke", "md5", "--reason", "key-compromise").exit == 0
    assert bare("check", "--rebuild").exit == bare("log", "--verify").exit == 0
    assert statuses(bare) == {"md5": "revoked", "sha1": "valid"}
    path = tmp_path / "sha1.pem"
    path.write_text(bare("show", "sha1", "--pem").out)
    root("verify", "-CAfile", "cacert.pem", "-auth_level", "0", path)


def test_presigned_answers_tell_of_imported_serials(
    bare: CommandLine, one_tier: OpenSSLCA, tmp_path: Path
) -> None:
    bare("import", "--openssl", one_tier.path, "--no-passphrase")

    answer = bare("ocsp", "presign", "--out", tmp_path / "out", "--json")

    assert answer.exit == 0, answer.err
    assert any((tmp_path / "out").rglob("*"))


def test_the_text_says_what_was_made_imported_and_refused(
    bare: CommandLine, one_tier: OpenSSLCA
) -> None:
    (one_tier.path / "newcerts" / "bad.pem").write_text("")

    answer = bare("import", "--openssl", one_tier.path, "--no-passphrase")

    lines = answer.out.splitlines()
    assert lines[0] == f"made: Old Root in {bare.home}"
    assert "imported: 5 certificates (1 expired, 1 held, 1 revoked, 2 valid)" in lines
    assert "  05: its file is gone: only its entry is known" in lines
    assert any(line.startswith("refused: ") and "bad.pem" in line for line in lines)
    assert lines[-1] == "next: sipca check; then sipca sign DEVICE.csr --out DIR"


def test_of_very_many_the_first_are_shown(bare: CommandLine, one_tier: OpenSSLCA) -> None:
    entries = [f"V\t300102030405Z\t\t{n:04X}\tunknown\t/CN=d{n}\n" for n in range(100, 200)]
    with (one_tier.path / "index.txt").open("a") as index:
        index.writelines(entries)

    lines = bare("import", "--openssl", one_tier.path, "--no-passphrase").out.splitlines()

    assert "  and 65 more: sipca list --all" in lines
    assert "  and 61 more remarks: --json" in lines
    assert bare("revoke", "d150").exit == 0


def test_without_a_passphrase_for_the_home_nothing_is_made(
    bare: CommandLine, one_tier: OpenSSLCA
) -> None:
    answer = bare("import", "--openssl", one_tier.path)

    assert answer.exit == 7
    assert "the passphrase is needed and none was given" in answer.err
    assert not (bare.home / "ca.db").exists()


def test_with_protect_root_the_issuing_key_alone_opens_without_passphrase(
    bare: CommandLine, tmp_path: Path, csr_file: Csr
) -> None:
    root, issuing = two_tier(tmp_path)
    (tmp_path / "secret").write_text("seven words\n")

    answer = bare("import", "--openssl", root.path, "--openssl", issuing.path, "--protect", "root", "--passphrase-file", tmp_path / "secret", "--json")  # fmt: skip

    assert answer.exit == 0, answer.err
    assert [ca["key_protection"] for ca in answer.json["cas"]] == ["passphrase", "none"]
    assert bare("sign", csr_file("sbc1", "dns:sbc1.lab.example"), "-o", tmp_path / "d.pem").exit == 0  # fmt: skip
    assert bare("crl", "--ca", "root", "--refresh").exit == 7
    assert bare("crl", "--ca", "root", "--refresh", "--passphrase-file", tmp_path / "secret").exit == 0  # fmt: skip
    trusted = tmp_path / "trusted.pem"
    trusted.write_text((root.path / "cacert.pem").read_text())
    whole = tmp_path / "whole.pem"
    whole.write_text((tmp_path / "d.pem").read_text() + (issuing.path / "cacert.pem").read_text())
    run("certtool", "--verify", "--load-ca-certificate", trusted, "--infile", whole, cwd=tmp_path)


def test_an_imported_certificate_is_exported_and_renewed_for_its_own_key(
    bare: CommandLine, one_tier: OpenSSLCA, tmp_path: Path
) -> None:
    bare("import", "--openssl", one_tier.path, "--no-passphrase")
    old = next(e for e in bare("list", "--json").json["certificates"] if names(e) == "good")
    kit, out = tmp_path / "kit", tmp_path / "out"

    exported = bare("export", old["serial"], "--out", kit)
    answer = bare("renew", old["serial"], "--out", out, "--json")

    assert exported.exit == 0, exported.err
    assert answer.exit == 0, answer.out
    (entry,) = answer.json["signed"]
    assert entry["supersedes"] == old["serial"]
    assert (entry["subject"], entry["san"]) == (old["subject"], old["san"])
    (before,), (after,) = (list(folder.glob("*-device.pem")) for folder in (kit, out))
    keys = [run("openssl", "x509", "-in", file, "-noout", "-pubkey", cwd=tmp_path) for file in (before, after)]  # fmt: skip
    assert keys[0] == keys[1]
    run("openssl", "verify", "-CAfile", kit / "trusted-root.pem", before, after, cwd=tmp_path)


def test_the_successor_of_a_ca_without_its_key_has_the_home_s_passphrase(
    bare: CommandLine, tmp_path: Path
) -> None:
    root, issuing = two_tier(tmp_path)
    (tmp_path / "secret").write_text("horse\n")
    secret = ("--passphrase-file", tmp_path / "secret")
    bare("import", "--root", root.path / "cacert.pem", "--root-key", root.path / "private/cakey.pem", "--issuing", issuing.path / "cacert.pem", *secret)  # fmt: skip

    assert bare("ca", "rotate", *secret).exit == 0

    states = [each["key"] for each in bare("ca", "list", "--json").json["cas"]]
    assert sorted(states) == ["away", "encrypted", "encrypted"]


def test_what_expired_before_it_was_imported_asks_for_nothing(
    bare: CommandLine, one_tier: OpenSSLCA
) -> None:
    bare("import", "--openssl", one_tier.path, "--no-passphrase")

    expired = bare("list", "--status", "expired", "--json").json["certificates"]
    codes = {each["code"] for each in bare("check", "--json").json["findings"]}

    assert expired
    assert "certificate-ended" not in codes
    current = {each["serial"] for each in bare("list", "--json").json["certificates"]}
    assert not current & {each["serial"] for each in expired}


@pytest.mark.parametrize("words", [("sign", "{csr}", "--supersedes", "{relic}"), ("rekey", "{relic}", "--csr", "{csr}"), ("renew", "{relic}", "--out", "{out}")])  # fmt: skip
def test_a_relic_is_neither_superseded_nor_renewed(
    bare: CommandLine, tmp_path: Path, csr_file: Csr, words: tuple[str, ...]
) -> None:
    ca = OpenSSLCA(tmp_path / "ca")
    (ca.path / "serial").write_text("01" + "AB" * 24 + "\n")  # longer than 20 octets
    ca.sign("long")
    bare("import", "--openssl", ca.path, "--no-passphrase")
    (relic,) = bare("list", "--json").json["certificates"]
    known = {
        "csr": csr_file("b", cn="s.lab", key=EC_KEY),
        "relic": relic["serial"],
        "out": tmp_path,
    }

    answer = bare(*(word.format(**known) for word in words))

    assert answer.exit == 4, answer.err
    assert "was imported as a relic" in answer.err


def test_of_a_serial_that_two_of_its_cas_gave_the_leaf_is_renewed(
    bare: CommandLine, tmp_path: Path
) -> None:
    root, issuing = two_tier(tmp_path)
    issuing.sign("gw")
    bare("import", "--openssl", root.path, "--openssl", issuing.path, "--no-passphrase")
    assert bare("show", "01").exit == 6  # the issuing CA's own, and the leaf's

    answer = bare("renew", "gw", "--out", tmp_path / "out", "--json")

    assert answer.exit == 0, answer.out + answer.err
    assert answer.json["signed"][0]["supersedes"] == "01"
