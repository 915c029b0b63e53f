"""``sipca issue``: keys made here, handed out once."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from stand_in.lab import NOW, CommandLine

Clock = Callable[..., None]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "key-passphrase"
    path.write_text("abc 123!\n")
    return path


def leaf(folder: Path, stem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{stem}-device.pem").read_bytes())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_key_and_certificate_belong_together_and_only_the_owner_reads_the_key(
    sipca: CommandLine, tmp_path: Path
) -> None:
    out = tmp_path / "peer"

    answer = sipca("issue", "peer1.lab.example", "10.4.0.30", "sip:lab.example", "--out", out)

    assert answer.exit == 0, answer.err
    key = load_pem_private_key((out / "peer1.lab.example.key").read_bytes(), None)
    certificate = leaf(out, "peer1.lab.example")
    assert key.public_key() == certificate.public_key()
    assert mode(out / "peer1.lab.example.key") == 0o600
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each.value) for each in names] == [
        "peer1.lab.example",
        "10.4.0.30",
        "sip:lab.example",
    ]
    assert {path.name for path in out.iterdir()} == {
        "peer1.lab.example.key", "peer1.lab.example-device.pem", "peer1.lab.example-fullchain.pem",
        "trusted-root.pem", "trusted-1-root.pem", "trusted-2-issuing.pem",
    }  # fmt: skip


def test_the_key_is_not_kept_by_sipca(sipca: CommandLine, tmp_path: Path) -> None:
    sipca("issue", "peer1.lab.example", "--out", tmp_path / "p")
    key = load_pem_private_key((tmp_path / "p" / "peer1.lab.example.key").read_bytes(), None)
    scalar = key.private_numbers().private_value.to_bytes(32, "big")  # type: ignore[union-attr]

    assert all(scalar not in path.read_bytes() for path in sipca.home.glob("*.db*"))


def test_again_keeps_both_and_renews_the_certificate_near_its_end(
    sipca: CommandLine, tmp_path: Path, frozen: Clock
) -> None:
    out = tmp_path / "p"
    words = ("issue", "peer1.lab.example", "--out", out, "--lifetime", "300d", "--json")
    frozen(NOW)
    first = sipca(*words).json
    key = (out / "peer1.lab.example.key").read_bytes()
    second = sipca(*words).json
    frozen(NOW + timedelta(days=250))
    third = sipca(*words).json
    fourth = sipca(*words, "--renew-before", "298d").json

    assert [each["made"] for each in (first, second, third, fourth)] == [
        "key-and-certificate", "nothing", "certificate", "nothing",
    ]  # fmt: skip
    assert second["serial"] == first["serial"] != third["serial"]
    assert (out / "peer1.lab.example.key").read_bytes() == key
    assert leaf(out, "peer1.lab.example").serial_number == int(third["serial"], 16)


def test_other_wishes_renew_for_the_same_key(sipca: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "p"
    sipca("issue", "peer1.lab.example", "--out", out)

    answer = sipca("issue", "peer1.lab.example", "10.0.0.7", "--out", out, "--json").json

    assert answer["made"] == "certificate"
    assert answer["san"] == ["dns:peer1.lab.example", "ip:10.0.0.7"]


def test_a_wildcard_is_meant_and_recorded(sipca: CommandLine, tmp_path: Path) -> None:
    words = ("issue", "*.lab.example", "lab.example", "--out", tmp_path / "w", "--json")

    refused = sipca(*words)
    answer = sipca(*words, "--allow", "wildcard")

    assert refused.exit == 4
    assert "--allow wildcard overrides this and is recorded" in refused.err
    assert answer.exit == 0, answer.err
    assert (tmp_path / "w" / "wildcard.lab.example.key").exists()
    assert any("wildcard" in str(e["detail"]) for e in sipca("log", "--json").json["events"])


@pytest.mark.parametrize("spec", ["rsa:2048", "ec:p256", "ec:p384"])
def test_an_encrypted_key_is_opened_by_openssl_with_its_own_passphrase(
    sipca: CommandLine, tmp_path: Path, secret: Path, spec: str
) -> None:
    out = tmp_path / "p"
    words = (
        "issue",
        "peer1.lab.example",
        "--out",
        out,
        "--key",
        spec,
        "--key-passphrase-file",
        secret,
    )

    assert sipca(*words).exit == 0
    assert sipca(*words, "--json").json["made"] == "nothing"

    key = out / "peer1.lab.example.key"
    opened = subprocess.run(
        ["openssl", "pkey", "-in", str(key), "-passin", f"file:{secret}", "-noout"],
        capture_output=True,
    )
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in key.read_bytes()
    assert opened.returncode == 0, opened.stderr
    assert sipca("issue", "peer1.lab.example", "--out", out).exit == 7


@pytest.mark.parametrize(
    ("extra", "cipher", "mac"),
    [
        ((), "PBES2, PBKDF2, AES-256-CBC", "sha256"),
        (("--legacy-pfx",), "pbeWithSHA1And3-KeyTripleDES-CBC", "sha1"),
    ],
)
def test_a_pfx_is_opened_by_openssl_modern_or_legacy(
    sipca: CommandLine, tmp_path: Path, secret: Path, extra: tuple[str, ...], cipher: str, mac: str
) -> None:
    out = tmp_path / "p"
    words = (
        "issue",
        "gw.lab.example",
        "--out",
        out,
        "--pfx",
        "--key-passphrase-file",
        secret,
        *extra,
    )

    assert sipca(*words).exit == 0
    assert sipca(*words, "--json").json["made"] == "nothing"

    legacy = ["-legacy"] if extra else []
    pfx = out / "gw.lab.example.pfx"
    done = subprocess.run(
        ["openssl", "pkcs12", "-in", str(pfx), "-passin", f"file:{secret}", "-nodes", "-info", *legacy],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert cipher in done.stderr
    assert f"MAC: {mac}" in done.stderr
    assert done.stdout.count("BEGIN CERTIFICATE") == 3
    assert mode(pfx) == 0o600
    assert not (out / "gw.lab.example.key").exists()


def test_something_else_in_the_keys_place_is_never_overwritten(
    sipca: CommandLine, tmp_path: Path
) -> None:
    out = tmp_path / "p"
    out.mkdir()
    (out / "peer1.lab.example.key").write_text("notes\n")

    answer = sipca("issue", "peer1.lab.example", "--out", out)

    assert answer.exit == 3
    assert "holds no private key" in answer.err
    assert (out / "peer1.lab.example.key").read_text() == "notes\n"
    assert sipca("list", "--json").json["certificates"] == []


def test_a_certificate_of_another_key_in_the_way_is_a_conflict(
    sipca: CommandLine, tmp_path: Path
) -> None:
    sipca("issue", "peer1.lab.example", "--out", tmp_path / "a")
    (tmp_path / "a" / "peer1.lab.example.key").unlink()

    answer = sipca("issue", "peer1.lab.example", "--out", tmp_path / "a")

    assert answer.exit == 6
    assert "is there, but the key file beside it is gone" in answer.err
    assert not (tmp_path / "a" / "peer1.lab.example.key").exists()


@pytest.mark.parametrize(
    ("words", "key"), [((), "peer1.lab.example.key"), (("--target", "kamailio"), "key.pem")]
)
def test_a_compromised_key_is_moved_away_and_the_same_command_makes_another(
    sipca: CommandLine, tmp_path: Path, words: tuple[str, ...], key: str
) -> None:
    line = ("issue", "peer1.lab.example", *words, "--out", tmp_path / "a")
    sipca(*line)
    before = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    sipca("revoke", "peer1.lab.example", "--reason", "key-compromise")

    refused = sipca(*line)
    renewed = sipca("renew", "peer1.lab.example", *words, "--out", tmp_path / "a")
    (tmp_path / "a" / key).rename(tmp_path / "evidence.pem")
    made = sipca(*line, "--json")
    again = sipca(*line, "--json")

    assert refused.exit == 4
    assert f"hint: move {tmp_path / 'a' / key} away: the same command then makes" in refused.err
    assert renewed.exit == 4
    assert "hint: sipca issue again, once the old key's file was moved away" in renewed.err
    assert (made.exit, made.json["made"], again.json["made"]) == (
        0,
        "key-and-certificate",
        "nothing",
    )
    after = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] == before[name]} == {
        name for name in after if name.startswith(("root", "trusted"))
    }


@pytest.mark.parametrize("name", ["device", "fullchain"])
@pytest.mark.parametrize("issued", [True, False])
def test_another_file_in_a_certificates_place_is_never_overwritten(
    sipca: CommandLine, tmp_path: Path, name: str, *, issued: bool
) -> None:
    out = tmp_path / "p"
    out.mkdir()
    if issued:
        sipca("issue", "peer1.lab.example", "--out", out)
    path = out / f"peer1.lab.example-{name}.pem"
    path.write_text("mine")

    answer = sipca("issue", "peer1.lab.example", "10.0.0.9", "--out", out)

    assert answer.exit == 6
    assert path.read_text() == "mine"
    assert len(sipca("list", "--json").json["certificates"]) == int(issued)


def test_a_compromised_key_is_not_certified_again(sipca: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "p"
    sipca("issue", "peer1.lab.example", "--out", out)
    sipca("revoke", "peer1.lab.example", "--reason", "key-compromise")

    answer = sipca("issue", "peer1.lab.example", "--out", out)

    assert answer.exit == 4
    assert "never certified again" in answer.err


def test_a_crash_after_the_key_was_written_is_mended_by_the_next_call(
    sipca: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "p"
    monkeypatch.setattr("ca.authority.register.write_results", lambda *_: 1 / 0)
    assert sipca("issue", "peer1.lab.example", "--out", out).exit == 1
    monkeypatch.undo()
    monkeypatch.setenv("SIPCA_NO_INPUT", "1")
    key = (out / "peer1.lab.example.key").read_bytes()

    answer = sipca("issue", "peer1.lab.example", "--out", out, "--json").json

    assert answer["made"] == "certificate"
    assert (out / "peer1.lab.example.key").read_bytes() == key


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("bad name",), 4, "bad name"),
        (("me@lab.example",), 3, "none of the names is a host name or an address"),
        (("a.lab.example", "--profile", "root"), 4, "requests are not signed by it"),
        (("a.lab.example", "--key", "rsa:1024"), 2, "not one of rsa:2048"),
        (("a.lab.example", "--pfx"), 2, "--pfx needs --key-passphrase-file"),
        (("a.lab.example", "--legacy-pfx"), 2, "--pfx needs --key-passphrase-file"),
        (("a.lab.example", "00908F112233"), 3, "which no SAN holds"),
        (("00908F112233",), 4, "SAN"),
        (("a.lab.example", "--lifetime", "99y"), 4, "its issuer"),
    ],
)
def test_what_cannot_be_issued_is_named_and_nothing_written(
    sipca: CommandLine, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = sipca("issue", *words, "--out", tmp_path / "p")

    assert answer.exit == code, answer.err
    assert said in answer.err
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("text", ["", "grüße", "x" * 64, "a\tb"])
def test_a_passphrase_that_no_page_takes_is_refused(
    sipca: CommandLine, tmp_path: Path, text: str
) -> None:
    (tmp_path / "s").write_text(text)

    answer = sipca(
        "issue", "a.lab.example", "--out", tmp_path / "p", "--key-passphrase-file", tmp_path / "s"
    )

    assert answer.exit == 3
    assert "printable ASCII" in answer.err
    assert not (tmp_path / "p").exists()


def test_a_mac_becomes_the_cn_of_a_phone_and_is_never_in_its_san(
    sipca: CommandLine, tmp_path: Path
) -> None:
    made = sipca(
        "issue", "00908F112233", "--profile", "phone", "--out", tmp_path / "p", "--json"
    ).json

    judged = sipca(
        "preflight", tmp_path / "p" / "00908F112233-device.pem",
        "--chain", tmp_path / "p" / "trusted-root.pem", "--target", "audiocodes-phone",
    )  # fmt: skip

    assert made["subject"] == "CN=00908F112233"
    assert made["san"] == []
    assert "preflight-cn" not in judged.out
    assert "factory name" not in judged.out


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ((), "ECDSA"),
        (("--device", "phone1"), "RSA"),
        (("--target", "audiocodes-7.4"), "RSA"),
        (("--target", "audiocodes-7.4", "--key", "ec:p256"), "ECDSA"),
        (("--target", "kamailio"), "ECDSA"),
    ],
)
def test_the_key_is_rsa_where_the_target_is_known_to_take_rsa_alone(
    sipca: CommandLine, tmp_path: Path, words: tuple[str, ...], kind: str
) -> None:
    sipca("device", "set", "phone1", "--target", "audiocodes-phone")

    answer = sipca("issue", "p.lab.example", *words, "--out", tmp_path / "p")

    assert answer.exit == 0, answer.err
    shown = sipca("show", "p.lab.example", "--pem").out
    key = x509.load_pem_x509_certificate(shown.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey) is (kind == "RSA")


def test_a_legacy_pfx_is_a_pfx_without_the_other_word(sipca: CommandLine, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("lab secret\n")

    answer = sipca(
        "issue", "p.lab.example", "--legacy-pfx", "--key-passphrase-file", secret,
        "--out", tmp_path / "p",
    )  # fmt: skip

    assert answer.exit == 0, answer.err
    assert (tmp_path / "p" / "p.lab.example.pfx").exists()
