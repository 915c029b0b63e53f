"""``export --target`` for servers: their files, with the operator's own key or without it."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from stand_in.lab import EC_KEY, NOW, RSA_KEY, CommandLine

Csr = Callable[..., Path]
WORDS = ("export", "srv.lab.example", "--target")


def key_file(path: Path, key: ec.EllipticCurvePrivateKey, secret: bytes | None = None) -> Path:
    encryption: KeySerializationEncryption = NoEncryption()
    if secret is not None:
        encryption = BestAvailableEncryption(secret)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return path


@pytest.fixture
def signed(sipca: CommandLine, csr_file: Csr, tmp_path: Path) -> CommandLine:
    """A home that signed the request of a server, whose key is in a file of the operator's."""
    assert (
        sipca("sign", csr_file("srv", "dns:srv.lab.example", cn="srv.lab.example", key=EC_KEY)).exit
        == 0
    )
    key_file(tmp_path / "own.key", EC_KEY)
    return sipca


def labels(path: Path) -> list[str]:
    return re.findall(r"-----BEGIN ([A-Z0-9 ]+)-----", path.read_text())


def test_without_a_key_what_holds_it_is_not_written_and_that_is_said(
    signed: CommandLine, tmp_path: Path
) -> None:
    answer = signed(*WORDS, "haproxy", "--out", tmp_path / "o")

    assert answer.exit == 0, answer.err
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["crls.pem", "root.pem"]
    assert "NOT written" in answer.out
    assert "haproxy.pem holds the private key, which sipca does not have: --key FILE" in answer.out
    assert "systemctl reload haproxy" in answer.out


def test_the_operators_key_is_put_together_with_chain_and_certificate(
    signed: CommandLine, tmp_path: Path
) -> None:
    answer = signed(
        *WORDS, "haproxy", "--key", tmp_path / "own.key", "--out", tmp_path / "o", "--json"
    )

    path = tmp_path / "o" / "haproxy.pem"
    assert answer.json["server"]["missing"] == []
    assert labels(path) == ["CERTIFICATE", "CERTIFICATE", "PRIVATE KEY"]
    assert path.read_text().endswith((tmp_path / "own.key").read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert answer.json["files"] == [
        str(tmp_path / "o" / n) for n in ("haproxy.pem", "root.pem", "crls.pem")
    ]


def test_a_key_of_another_certificate_is_refused_and_nothing_is_written(
    signed: CommandLine, tmp_path: Path
) -> None:
    other = key_file(tmp_path / "other.key", ec.generate_private_key(ec.SECP256R1()))

    answer = signed(*WORDS, "nginx", "--key", other, "--out", tmp_path / "o")

    assert answer.exit == 7
    assert "other.key' is not the one of certificate" in answer.err
    assert "sipca preflight CERT --key FILE" in answer.err
    assert not (tmp_path / "o").exists()


def test_an_encrypted_key_stays_encrypted_and_that_is_said(
    signed: CommandLine, tmp_path: Path
) -> None:
    locked = key_file(tmp_path / "locked.key", EC_KEY, b"correct horse")
    (tmp_path / "secret").write_text("correct horse\n")
    words = (*WORDS, "nginx", "--key", locked, "--out", tmp_path / "o")

    without = signed(*words)
    given = signed(*words, "--key-passphrase-file", tmp_path / "secret")

    assert (without.exit, given.exit) == (7, 0)
    assert (tmp_path / "o" / "key.pem").read_text() == locked.read_text()
    assert "the key has a passphrase" in given.out


def test_after_a_renewal_export_takes_the_key_that_is_in_the_folder(
    sipca: CommandLine, tmp_path: Path, frozen: Callable[..., None]
) -> None:
    words = ("--target", "haproxy", "--out", tmp_path / "o")
    sipca("issue", "srv.lab.example", *words)
    frozen(NOW + timedelta(days=800))
    assert sipca("renew", "srv.lab.example", "--out", tmp_path / "elsewhere").exit == 0

    answer = sipca("export", "srv.lab.example", *words, "--json")

    states = {each["name"]: each["state"] for each in answer.json["server"]["files"]}
    leaf = sipca("show", "srv.lab.example", "--pem").out
    assert states["haproxy.pem"] == "written"
    assert (tmp_path / "o" / "haproxy.pem").read_text().startswith(leaf)
    assert labels(tmp_path / "o" / "haproxy.pem")[-1] == "PRIVATE KEY"


def test_a_folder_with_another_key_is_refused_before_anything_is_written(
    signed: CommandLine, tmp_path: Path
) -> None:
    signed("issue", "other.lab.example", "--target", "nginx", "--out", tmp_path / "o")
    before = {path.name: path.read_bytes() for path in (tmp_path / "o").iterdir()}

    without = signed(*WORDS, "nginx", "--out", tmp_path / "o")
    given = signed(*WORDS, "nginx", "--key", tmp_path / "own.key", "--out", tmp_path / "o")
    after = {path.name: path.read_bytes() for path in (tmp_path / "o").iterdir()}
    replaced = signed(
        *WORDS, "nginx", "--key", tmp_path / "own.key", "--overwrite", "--out", tmp_path / "o"
    )

    assert (without.exit, given.exit, replaced.exit) == (6, 6, 0)
    assert "is not the one of certificate" in without.err + given.err
    assert "--key FILE with --overwrite replaces key and certificate" in without.err
    assert after == before
    assert (tmp_path / "o" / "key.pem").read_text() == (tmp_path / "own.key").read_text()


def test_a_key_for_a_device_and_a_format_for_a_server_are_refused(
    signed: CommandLine, tmp_path: Path
) -> None:
    out = ("--out", tmp_path / "o")

    device = signed(*WORDS, "audiocodes-7.4", "--key", tmp_path / "own.key", *out)
    formats = [
        signed(*WORDS, "nginx", *out, *words)
        for words in (("--format", "der"), ("--zip",), ("--crlf",))
    ]
    legacy = signed(*WORDS, "nginx", *out, "--legacy-pfx")

    assert device.exit == 4
    assert "--key is for files that hold the private key" in device.err
    assert [each.exit for each in formats] == [4, 4, 4]
    assert "says itself which files it wants" in formats[0].err
    assert legacy.exit == 4
    assert "target 'nginx' has none" in legacy.err
    assert not (tmp_path / "o").exists()


def test_stores_are_made_of_the_operators_key(signed: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse\n")
    words = (*WORDS, "java", "--key", tmp_path / "own.key", "--out", tmp_path / "o")

    without = signed(*words)
    given = signed(*words, "--key-passphrase-file", tmp_path / "secret", "--json")

    assert without.exit == 7
    assert {each["state"] for each in given.json["server"]["files"]} == {"written"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "holds no private key"),
        (b"\xff" * 400, "holds no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no private key"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no private key"),
        (b"-----BEGIN A-----\n" * 14_000, "holds no private key"),
        (b"x" * 300_000, "has more than 262144 octets"),
    ],
)
def test_what_is_no_key_is_named(
    signed: CommandLine, tmp_path: Path, data: bytes, message: str
) -> None:
    (tmp_path / "odd.key").write_bytes(data)

    answer = signed(*WORDS, "nginx", "--key", tmp_path / "odd.key", "--out", tmp_path / "o")

    assert answer.exit == 3, answer
    assert message in answer.err
    assert not (tmp_path / "o").exists()


def test_sign_names_the_export_for_a_server(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path
) -> None:
    said = sipca("sign", csr_file("k", "dns:k.lab.example", key=RSA_KEY), "--target", "kamailio")

    assert "sipca export REF --target kamailio --key KEY-FILE --out DIR" in said.err


def test_a_missing_crl_is_told_and_not_passed_over(
    sipca: CommandLine, tmp_path: Path, frozen: Callable[..., None]
) -> None:
    sipca("ca", "passphrase", "--new-passphrase-file", _secret(tmp_path))
    secret = ("--passphrase-file", _secret(tmp_path))
    sipca("issue", "srv.lab.example", "--target", "nginx", "--out", tmp_path / "o", *secret)
    frozen(NOW + timedelta(days=200))

    answer = sipca("export", "srv.lab.example", "--target", "nginx", "--out", tmp_path / "o")

    assert answer.exit == 0, answer
    assert "has ended: servers refuse all" in answer.out
    assert "--refresh makes one" in answer.out


def _secret(folder: Path) -> Path:
    (folder / "ca-secret").write_text("battery staple\n")
    return folder / "ca-secret"
