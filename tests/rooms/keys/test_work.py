"""Foreign keys that would take minutes or gigabytes to open are refused before anything is done."""

from __future__ import annotations

import base64
import subprocess
import time
from pathlib import Path

import pytest
from asn1crypto import core, keys, pkcs12
from asn1crypto import pem as armour
from stand_in.lab import VECTORS, CommandLine, make_csr

from ca.encoding import der
from ca.errors import CAError, KeyUnavailableError, PolicyError
from ca.keys.files import read_key_file
from ca.keys.work import check_work

SECRET = b"secret"


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A key, PFX and certificate as openssl writes them, with modest factors."""
    openssl(tmp_path, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "plain.pem")
    openssl(
        tmp_path, "req", "-x509", "-new", "-key", "plain.pem", "-subj", "/CN=a", "-out", "a.pem"
    )
    openssl(tmp_path, "pkcs12", "-export", "-inkey", "plain.pem", "-in", "a.pem", "-passout",
            "pass:secret", "-out", "key.pfx")  # fmt: skip
    openssl(tmp_path, "pkcs8", "-topk8", "-in", "plain.pem", "-passout", "pass:secret",
            "-iter", "5000", "-out", "pbkdf2.pem")  # fmt: skip
    openssl(tmp_path, "pkcs8", "-topk8", "-in", "plain.pem", "-passout", "pass:secret",
            "-scrypt", "-out", "scrypt.pem")  # fmt: skip
    openssl(tmp_path, "pkcs8", "-topk8", "-in", "plain.pem", "-passout", "pass:secret",
            "-v1", "PBE-SHA1-3DES", "-out", "v1.pem")  # fmt: skip
    return tmp_path


def refused(data: bytes, said: str) -> None:
    started = time.process_time()
    with pytest.raises(PolicyError) as caught:
        read_key_file(data, SECRET, name="it")

    assert time.process_time() - started < 1
    assert said in caught.value.message
    assert "more than" in caught.value.message


@pytest.mark.parametrize("name", ["plain.pem", "key.pfx", "pbkdf2.pem", "scrypt.pem", "v1.pem"])
def test_what_openssl_writes_is_opened(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()

    check_work(data, name=name)

    if name != "v1.pem":  # the library has no PBE of PKCS#5 v1.5 in PKCS#8 on every platform
        assert read_key_file(data, SECRET, name=name).public.label == "EC p256"


def test_the_sample_is_refused_for_its_rounds_at_once() -> None:
    data = (VECTORS / "hostile" / "key-bomb" / "bomb.pem").read_bytes()

    refused(data, "its passphrase's rounds (PBKDF2) would be 2147483647, more than 10000000")
    refused(armour.unarmor(data)[2], "would be 2147483647")


@pytest.mark.parametrize("rounds", [10_000_001, 2**31 - 1, 2**31, 2**64, 2**20_000], ids=range(5))
def test_rounds_of_pbkdf2_are_bounded(folder: Path, rounds: int) -> None:
    _, _, der = armour.unarmor((folder / "pbkdf2.pem").read_bytes())
    bomb = keys.EncryptedPrivateKeyInfo.load(der)
    kdf = bomb["encryption_algorithm"]["parameters"]["key_derivation_func"]
    kdf["parameters"]["iteration_count"] = rounds

    refused(bomb.dump(force=True), "rounds (PBKDF2)")


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((2**30, 8, 1), "scrypt's memory"),
        ((2**14, 2**20, 1), "scrypt's memory"),
        ((2**14, 8, 2**20), "scrypt's work"),
        ((2, 1, 2**30 - 1), "scrypt's work"),
        ((2**4000, 8, 1), "scrypt's memory"),
    ],
    ids=range(5),
)
def test_the_factors_of_scrypt_are_bounded(
    folder: Path, numbers: tuple[int, int, int], said: str
) -> None:
    _, _, der = armour.unarmor((folder / "scrypt.pem").read_bytes())
    wanted = core.Integer(16384).dump() + core.Integer(8).dump() + core.Integer(1).dump()
    assert wanted in der
    kdf = der[der.index(wanted) - 10 : der.index(wanted)]
    put_in = b"".join(core.Integer(each).dump() for each in numbers)
    salt = kdf[-10:]
    parameters = core.Sequence(contents=salt + put_in).dump()
    algorithm = core.Sequence(
        contents=core.ObjectIdentifier("1.3.6.1.4.1.11591.4.11").dump() + parameters
    ).dump()

    refused(core.Sequence(contents=algorithm).dump(), said)


def test_rounds_of_a_pfx_are_bounded_for_its_mac_and_for_its_bags(folder: Path) -> None:
    data = (folder / "key.pfx").read_bytes()
    of_mac = pkcs12.Pfx.load(data)
    of_mac["mac_data"]["iterations"] = 2**31 - 1
    inner = core.Integer(2048).dump()
    assert data.count(inner) == 3

    refused(of_mac.dump(force=True), "would be 2147487743")
    of_mac["mac_data"]["iterations"] = 9_999_000
    refused(of_mac.dump(force=True), "would be 10003096")  # the two bags' 2048 each are counted in


def test_ber_hides_no_rounds() -> None:
    algorithm = core.Sequence(
        contents=core.ObjectIdentifier("1.2.840.113549.1.12.1.3").dump()
        + core.Sequence(
            contents=core.OctetString(b"saltsalt").dump() + core.Integer(2**31 - 1).dump()
        ).dump()
    ).dump()
    whole = core.Sequence(contents=algorithm).dump()
    pieces = b"".join(core.OctetString(whole[at : at + 7]).dump() for at in range(0, len(whole), 7))
    ber = b"\x30\x80\x24\x80" + pieces + b"\x00\x00\x00\x00"

    with pytest.raises(PolicyError, match="2147483647"):
        check_work(ber, name="it")


def _openssh(rounds: int) -> bytes:
    """The start of a key as ``ssh-keygen -a ROUNDS`` writes it (PROTOCOL.key)."""
    options = b"\0\0\0\x10" + bytes(16) + rounds.to_bytes(4, "big")
    fields = (b"aes256-ctr", b"bcrypt", options)
    blob = b"openssh-key-v1\0" + b"".join(len(each).to_bytes(4, "big") + each for each in fields)
    text = base64.encodebytes(blob + b"\0\0\0\x01" + bytes(200))
    kind = b"OPENSSH PRIVATE KEY-----"
    return b"-----BEGIN " + kind + b"\n" + text + b"-----END " + kind + b"\n"


def test_rounds_of_an_openssh_key_are_bounded() -> None:
    check_work(_openssh(24), name="key")

    refused(
        _openssh(2**32 - 1),
        "its passphrase's rounds (bcrypt) would be 4294967295, more than 500",
    )


def test_a_number_that_takes_minutes_to_check_is_refused() -> None:
    numbers = [0, (1 << 16_384) - 1, 65537, 3, 5, 7, 1, 1, 1]
    key = core.Sequence(contents=b"".join(core.Integer(each).dump() for each in numbers)).dump()
    text = base64.encodebytes(key).decode()

    refused(
        f"-----BEGIN RSA PRIVATE KEY-----\n{text}-----END RSA PRIVATE KEY-----\n".encode(),
        "a number of its key",
    )


def test_rubbish_and_deep_nesting_are_left_to_the_reader_of_keys() -> None:
    deep = b"\x30\x80" * 50_000
    wide = b"\x30\x83\x02\x71\x00" + b"\x02\x01\x00" * 53_333
    for data in (
        b"",
        b"\x30",
        b"\x30\x84\xff\xff\xff\xff",
        deep,
        wide,
        b"\x24\x80" * 1000,
        b"x" * 99,
    ):
        started = time.process_time()
        with pytest.raises(CAError):
            read_key_file(data, SECRET, name="it")
        assert time.process_time() - started < 2


def test_preflight_and_a_register_with_a_bomb_answer_at_once(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ca.store.connection import open_store

    monkeypatch.setenv("SIPCA_PASSPHRASE", "secret")
    made = bare("init", "--root-key", "ec:p256", "--issuing-key", "ec:p256")
    assert made.exit == 0, made.err
    (tmp_path / "a.csr").write_bytes(make_csr(cn="a.lab.example"))
    (tmp_path / "pass").write_text("secret")
    assert bare("sign", tmp_path / "a.csr", "--out", tmp_path / "o").exit == 0
    with open_store(bare.home / "ca.db") as store, store.write() as connection:
        for number, kept in connection.execute(
            "SELECT id, pkcs8 FROM key WHERE encrypted"
        ).fetchall():
            bomb = kept.replace(core.Integer(600_000).dump(), b"\x02\x03\x7f\xff\xff", 1)
            bomb = keys.EncryptedPrivateKeyInfo.load(bomb)
            kdf = bomb["encryption_algorithm"]["parameters"]["key_derivation_func"]
            kdf["parameters"]["iteration_count"] = 2**31 - 1
            connection.execute(
                "UPDATE key SET pkcs8 = ? WHERE id = ?", (bomb.dump(force=True), number)
            )
    started = time.process_time()

    looked = bare(
        "preflight", tmp_path / "o" / "a-device.pem", "--key",
        VECTORS / "hostile" / "key-bomb" / "bomb.pem", "--key-passphrase-file", tmp_path / "pass",
    )  # fmt: skip
    signed = bare("sign", tmp_path / "a.csr", "--again")

    assert (looked.exit, "rounds (PBKDF2)" in looked.err) == (4, True), looked.err
    assert (signed.exit, "differ from its history" in signed.err) == (8, True), signed.err
    assert time.process_time() - started < 5


# each bound from both sides


def scrypt(cost: int, block: int, parallel: int) -> bytes:
    numbers = (der.encode_integer(each) for each in (cost, block, parallel))
    parameters = der.sequence(der.tlv(der.OCTET_STRING, b"salt"), *numbers)
    return der.sequence(der.encode_oid("1.3.6.1.4.1.11591.4.11"), parameters)


def bcrypt(rounds: int) -> bytes:
    fields = (b"aes256-ctr", b"bcrypt", b"\0\0\0\4salt" + rounds.to_bytes(4, "big"))
    return b"openssh-key-v1\0" + b"".join(len(each).to_bytes(4, "big") + each for each in fields)


def pbkdf2(*rounds: int) -> bytes:
    def one(count: int) -> bytes:
        parameters = der.sequence(der.tlv(der.OCTET_STRING, b"salt"), der.encode_integer(count))
        return der.sequence(der.encode_oid("1.2.840.113549.1.5.12"), parameters)

    return der.sequence(*map(one, rounds))


def test_a_number_with_zeros_before_it_is_read_to_its_last_octet() -> None:
    parameters = der.sequence(
        der.tlv(der.OCTET_STRING, b"salt"), der.tlv(2, (10_000_001).to_bytes(64))
    )
    padded = der.sequence(der.encode_oid("1.2.840.113549.1.5.12"), parameters)

    with pytest.raises(PolicyError, match="would be 10000001, more than"):
        check_work(padded, name="k")


def test_what_stands_behind_a_value_without_a_length_is_seen() -> None:
    endless = b"\x30\x80\x05\x00\x00\x00"

    hidden = b"\x30\x80" + endless + pbkdf2(10_000_001) + b"\x00\x00"

    with pytest.raises(PolicyError, match="would be 10000001, more than"):
        check_work(hidden, name="k")
    check_work(b"\x30\x80" + endless + pbkdf2(10_000_000) + b"\x00\x00", name="k")


@pytest.mark.parametrize(
    ("fits", "too_much", "said"),
    [
        (scrypt(1 << 18, 8, 1), scrypt((1 << 18) + 1, 8, 1), "scrypt's memory (128 * N * r) would be 268436480, more than 268435456 octets"),
        (scrypt(1 << 18, 8, 2), scrypt(1 << 18, 8, 3), "scrypt's work (N * r * p) would be 6291456, more than 4194304"),
        (bcrypt(500), bcrypt(501), "rounds (bcrypt) would be 501, more than 500"),
        (pbkdf2(10_000_000), pbkdf2(10_000_001), "rounds (PBKDF2) would be 10000001, more than 10000000"),
        (pbkdf2(5_000_000, 5_000_000), pbkdf2(5_000_000, 5_000_001), "would be 10000001, more than"),
        (der.encode_integer((1 << 8191) - 1), der.encode_integer(1 << 8192), "a number of its key would be 8200, more than 8192 bits"),
        (der.encode_integer((1 << 8192) - 1), der.encode_integer((1 << 8193) - 1), "more than 8192 bits"),
        (pbkdf2(1), pbkdf2((1 << 64) - 1), "would be 18446744073709551615, more than"),
        (pbkdf2(1), pbkdf2(1 << 64), "would be 2^64 or more, more than"),
    ],
)  # fmt: skip
def test_work_at_a_bound_is_done_and_work_beyond_it_is_refused(
    fits: bytes, too_much: bytes, said: str
) -> None:
    check_work(fits, name="k")

    with pytest.raises(PolicyError) as caught:
        check_work(too_much, name="k")
    assert said in caught.value.message


@pytest.mark.parametrize("passphrase", [None, b"no"])
def test_ciphertext_that_looks_like_a_large_number_is_a_key_to_open_and_no_bomb(
    passphrase: bytes | None,
) -> None:
    """Of the keys that openssl encrypts in its traditional form, one in 400 was refused for that."""
    ciphertext = (der.sequence(der.tlv(0x02, b"\x01" * 1200)) + bytes(16))[:1200]
    body = base64.encodebytes(ciphertext).decode()
    head = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,000102030405060708090A0B0C0D0E0F\n\n"
    text = f"-----BEGIN RSA PRIVATE KEY-----\n{head}{body}-----END RSA PRIVATE KEY-----\n"

    with pytest.raises(KeyUnavailableError):
        read_key_file(text.encode(), passphrase, name="t.key")
