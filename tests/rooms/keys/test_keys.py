"""Keys: made, kept, opened, signing; any error on an encrypted key is kind key."""

from __future__ import annotations

import pickle
import subprocess
from pathlib import Path

import msgspec
import pytest
from asn1crypto.keys import EncryptedPrivateKeyInfo
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from ca.errors import KeyUnavailableError, Kind, MalformedError, PolicyError
from ca.keys.files import check_passphrase
from ca.keys.public import read_public_key
from ca.keys.signer import KeyRef, signature_name
from ca.keys.soft import SPECS, generate_key, open_signer, verify
from ca.keys.work import check_work


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec != "rsa:4096"])
def test_every_kind_of_key_signs_and_its_signature_holds(spec: str) -> None:
    key = generate_key(spec, None, label="test")

    signature = open_signer(key.ref, None).sign(b"octets")

    assert verify(key.public, signature, b"octets")
    assert not verify(key.public, signature, b"others")


def test_another_kind_is_refused_by_name() -> None:
    with pytest.raises(MalformedError, match="'rsa:1024' is not a supported key type"):
        generate_key("rsa:1024", None, label="test")


def test_an_encrypted_key_is_opened_by_its_passphrase_only() -> None:
    key = generate_key("ec:p256", b"right", label="test")

    assert open_signer(key.ref, b"right").public_key == key.public.spki
    for wrong in (b"wrong", b""):
        with pytest.raises(KeyUnavailableError, match="the passphrase does not open the test key"):
            open_signer(key.ref, wrong)
    with pytest.raises(KeyUnavailableError, match="the test key is locked"):
        open_signer(key.ref, None)


def test_any_damage_to_an_encrypted_key_is_kind_key() -> None:
    key = generate_key("ec:p256", b"right", label="test")
    for at in range(0, len(key.ref.pkcs8), 7):
        damaged = bytearray(key.ref.pkcs8)
        damaged[at] ^= 0x55
        if 51 <= at <= 56:
            continue  # the round count: a huge one would only take long
        with pytest.raises(KeyUnavailableError) as refusal:
            open_signer(msgspec.structs.replace(key.ref, pkcs8=bytes(damaged)), b"right")
        assert refusal.value.kind is Kind.KEY


def test_damage_to_a_plain_key_is_kind_key() -> None:
    key = generate_key("ec:p256", None, label="test")

    with pytest.raises(KeyUnavailableError, match="in the register is damaged"):
        open_signer(msgspec.structs.replace(key.ref, pkcs8=key.ref.pkcs8[:-5]), None)


def test_a_key_that_is_not_its_certificates_is_refused() -> None:
    one, other = (
        generate_key("ec:p256", None, label="test"),
        generate_key("ec:p256", None, label="test"),
    )

    with pytest.raises(KeyUnavailableError, match="does not belong to its certificate"):
        open_signer(msgspec.structs.replace(one.ref, pkcs8=other.ref.pkcs8), None)


def test_a_key_of_a_kind_that_signs_nothing_here_is_refused() -> None:
    ed = ed25519.Ed25519PrivateKey.generate()
    pkcs8 = ed.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    spki = ed.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    with pytest.raises(KeyUnavailableError, match="of a type that sipca does not sign with"):
        open_signer(KeyRef(pkcs8, spki, False, "test"), None)
    with pytest.raises(PolicyError, match="a CA key of the type ed25519 is not supported"):
        signature_name(read_public_key(spki))
    assert not verify(read_public_key(spki), b"", b"")


def test_openssl_opens_what_is_kept_and_sees_the_rounds(tmp_path: Path) -> None:
    key = generate_key("rsa:2048", "Grün".encode(), label="test")
    file = tmp_path / "key.der"
    file.write_bytes(key.ref.pkcs8)

    opened = subprocess.run(
        ["openssl", "pkey", "-inform", "der", "-in", str(file), "-passin", "pass:Grün", "-noout", "-text"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    parsed = subprocess.run(
        ["openssl", "asn1parse", "-inform", "der", "-in", str(file)], capture_output=True, text=True, check=True
    )  # fmt: skip

    assert "Private-Key: (2048 bit" in opened.stdout
    for word in ("PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", ":0927C0"):  # 600,000
        assert word in parsed.stdout


def with_rounds(pkcs8: bytes, rounds: int) -> bytes:
    read = EncryptedPrivateKeyInfo.load(pkcs8)
    derivation = read["encryption_algorithm"]["parameters"]["key_derivation_func"]
    derivation["parameters"]["iteration_count"] = rounds
    return bytes(read.dump(force=True))


def test_a_kept_key_of_more_rounds_than_sipca_writes_is_damage_and_not_worked_through() -> None:
    key = generate_key("ec:p256", b"right", label="test")
    bomb = with_rounds(key.ref.pkcs8, 10_000_001)
    check_work(with_rounds(key.ref.pkcs8, 10_000_000), name="k")

    with pytest.raises(KeyUnavailableError, match="the register is damaged: ") as refusal:
        open_signer(msgspec.structs.replace(key.ref, pkcs8=bomb), b"right")

    assert refusal.value.hint == "restore the last copy of the home"


@pytest.mark.parametrize("passphrase", [None, b"x", b"x" * 63, b" ~"])
def test_a_passphrase_for_a_devices_page_has_1_to_63_printable_characters(
    passphrase: bytes | None,
) -> None:
    check_passphrase(passphrase)


@pytest.mark.parametrize("passphrase", [b"", b"x" * 64, b"a\x1f", b"a\x7f", "ü".encode()])
def test_a_passphrase_that_a_device_may_not_take_is_refused(passphrase: bytes) -> None:
    with pytest.raises(MalformedError, match="is not 1 to 63 printable ASCII characters"):
        check_passphrase(passphrase)


def test_a_key_ref_crosses_a_process_and_a_signer_does_not() -> None:
    key = generate_key("ec:p256", b"right", label="test")

    assert pickle.loads(pickle.dumps(key.ref)) == key.ref
    with pytest.raises(TypeError):
        pickle.dumps(open_signer(key.ref, b"right"))


def test_trap_the_librarys_own_encryption_has_2048_rounds(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    file = tmp_path / "key.der"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )

    parsed = subprocess.run(
        ["openssl", "asn1parse", "-inform", "der", "-in", str(file)], capture_output=True, text=True, check=True
    )  # fmt: skip

    assert ":0800" in parsed.stdout
