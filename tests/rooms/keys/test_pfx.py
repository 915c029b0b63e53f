"""PFX files that give no key: no private key in it, unknown algorithm, wrong passphrase."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs12,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_in.lab import EC_KEY, VECTORS, CommandLine
from stand_in.odd import as_pem, certificate

from ca.encoding import der
from ca.encoding.oids import DATA
from ca.errors import CAError, KeyUnavailableError, MalformedError
from ca.keys import pfx
from ca.keys.files import read_key_file

TRUSTSTORE = VECTORS / "found" / "pfx" / "truststore.p12"
BUILDER = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2048)


def made(scheme: pkcs12.PBES, mac: hashes.HashAlgorithm | None = None) -> bytes:
    encryption = BUILDER.key_cert_algorithm(scheme).hmac_hash(mac or hashes.SHA256())
    return pkcs12.serialize_key_and_certificates(
        b"x", EC_KEY, None, None, encryption.build(b"secret")
    )


MODERN = made(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
OLD = made(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC, hashes.SHA1())
PLAIN = pkcs12.serialize_key_and_certificates(b"x", EC_KEY, None, None, NoEncryption())


def refused(data: bytes, passphrase: bytes | None) -> CAError:
    with pytest.raises(CAError) as error:
        read_key_file(data, passphrase, name="a.p12")
    return error.value


def with_oid(data: bytes, old: str, new: str) -> bytes:
    before, after = der.encode_oid(old), der.encode_oid(new)
    assert len(before) == len(after)
    assert before in data
    return data.replace(before, after)


@pytest.mark.parametrize("data", [MODERN, OLD])
def test_with_its_pass_phrase_a_pfx_is_opened_and_without_it_says_so(data: bytes) -> None:
    right = read_key_file(data, b"secret", name="a.p12")
    wrong, none = refused(data, b"nope"), refused(data, None)

    assert load_der_private_key(right.pkcs8, None).public_key() == EC_KEY.public_key()
    assert isinstance(wrong, KeyUnavailableError)
    assert wrong.message == "the passphrase does not open the key in 'a.p12'"
    assert "wrong passphrase" in str(wrong.hint)
    assert isinstance(none, KeyUnavailableError)
    assert none.message == "the key in 'a.p12' needs its passphrase"


def test_without_any_pass_phrase_none_is_needed() -> None:
    assert read_key_file(PLAIN, None, name="a.p12").public.label == "EC p256"


def test_a_trust_store_has_no_private_key_in_it() -> None:
    opened = refused(TRUSTSTORE.read_bytes(), b"secret")
    closed = refused(TRUSTSTORE.read_bytes(), None)

    assert isinstance(opened, MalformedError)
    assert opened.message == "'a.p12' is a PFX with no private key in it, only certificates"
    assert "it seems to hold no private key" in str(closed.hint)


@pytest.mark.parametrize("passphrase", [None, b"secret", b"wrong"])
@pytest.mark.parametrize(
    ("data", "old", "new"),
    [
        (OLD, "1.2.840.113549.1.12.1.3", "1.2.840.113549.1.12.1.99"),
        (MODERN, "2.16.840.1.101.3.4.1.42", "2.16.840.1.101.3.4.1.99"),
        (MODERN, "1.2.840.113549.1.5.12", "1.2.840.113549.1.5.99"),
    ],
)
def test_an_unknown_algorithm_is_named_whatever_the_pass_phrase(
    data: bytes, old: str, new: str, passphrase: bytes | None
) -> None:
    told = refused(with_oid(data, old, new), passphrase)

    assert isinstance(told, MalformedError)
    assert f"an unsupported algorithm: {new}" in told.message
    assert "openssl pkcs12" in str(told.hint)


def test_an_algorithm_that_the_library_does_not_read_is_told_by_the_right_pass_phrase() -> None:
    """The MAC says that the passphrase is right, so what is encrypted cannot be read here."""
    other = with_oid(MODERN, "2.16.840.1.101.3.4.1.42", "2.16.840.1.101.3.4.1.22")
    seen = pfx.read_outline(MODERN)
    assert seen.mac is not None

    told = pfx.opening_error(MODERN, b"secret", name="a.p12")

    assert pfx.mac_verifies(seen, b"secret") is True
    assert pfx.mac_verifies(seen, b"nope") is False
    assert pfx.mac_verifies(pfx.read_outline(other), b"secret") is False
    assert told.message == ("'a.p12' is encrypted with an unsupported algorithm: PBKDF2, AES-256")


def test_a_mac_of_an_unknown_hash_is_told() -> None:
    mac = der.read(MODERN).children()[2]
    other = MODERN.replace(mac.raw, with_oid(mac.raw, "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.9"))  # fmt: skip

    told = refused(other, b"secret")

    assert "a MAC with an unsupported algorithm: 2.16.840.1.101.3.4.2.9" in told.message


def test_a_cut_off_pfx_is_damaged_and_not_of_another_pass_phrase() -> None:
    parts = der.read(MODERN).children()
    hollow = der.sequence(parts[0].raw, der.sequence(der.encode_oid(DATA)))

    told = refused(hollow, b"secret")

    assert isinstance(told, MalformedError)
    assert told.message == "'a.p12' is a PFX that is cut off or damaged"


@pytest.mark.parametrize(
    ("words", "passphrase"),
    [
        (["-legacy"], "abc"),
        (["-nomac"], "abc"),
        (["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"], "abc"),
        (["-keypbe", "NONE", "-certpbe", "NONE", "-nomac"], ""),
        (["-macalg", "sha512"], "pässwörd"),
        ([], ""),
    ],
)
def test_what_openssl_writes_is_opened_and_a_wrong_pass_phrase_told(
    tmp_path: Path, words: list[str], passphrase: str
) -> None:
    key, made_by = tmp_path / "k.pem", tmp_path / "a.p12"
    key.write_bytes(EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "c.pem").write_bytes(as_pem(certificate()))
    subprocess.run(
        ["openssl", "pkcs12", "-export", "-inkey", key, "-in", tmp_path / "c.pem",
         "-passout", f"pass:{passphrase}", "-out", made_by, *words],
        check=True, capture_output=True,
    )  # fmt: skip
    data = made_by.read_bytes()

    found = read_key_file(data, passphrase.encode() or None, name="a.p12")

    assert found.public.label == "EC p256"
    if "-nomac" not in words:
        seen = pfx.read_outline(data)
        assert pfx.mac_verifies(seen, passphrase.encode()) is True
        assert isinstance(refused(data, b"nope"), KeyUnavailableError)


def test_a_mac_of_a_million_rounds_more_is_not_computed() -> None:
    mac = der.read(MODERN).children()[2]
    digest, salt, _ = mac.children()
    bomb = der.sequence(digest.raw, salt.raw, der.encode_integer(2**31))
    seen = pfx.read_outline(MODERN)

    many = pfx.Outline(seen.content, der.read(bomb), seen.algorithms, seen.keys)

    assert pfx.mac_verifies(many, b"secret") is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (as_pem(certificate()), "'a.p12' holds no private key: it is a certificate"),
        (certificate(), "'a.p12' holds no private key: it is a certificate"),
        (b"\xfe\xed\xfe\xed\x00\x00\x00\x02", "'a.p12' holds no private key: it is a Java keystore (JKS)"),
        (b"hello", "'a.p12' holds no private key"),
        (b"", "'a.p12' holds no private key"),
    ],
)  # fmt: skip
def test_what_is_no_key_file_is_named(data: bytes, said: str) -> None:
    told = refused(data, b"secret")

    assert isinstance(told, MalformedError)
    assert told.message == said


def test_preflight_says_which_of_the_three_it_is(bare: CommandLine, tmp_path: Path) -> None:
    device = tmp_path / "device.pem"
    device.write_bytes(as_pem(certificate()))
    (tmp_path / "right").write_text("secret\n")
    (tmp_path / "wrong").write_text("nope\n")
    (tmp_path / "a.p12").write_bytes(
        with_oid(OLD, "1.2.840.113549.1.12.1.3", "1.2.840.113549.1.12.1.99")
    )

    def key(path: Path, passphrase: str) -> Any:
        words = ("preflight", device, "--key", path, "--key-passphrase-file", tmp_path / passphrase)
        return bare(*words)

    empty, unknown = key(TRUSTSTORE, "right"), key(tmp_path / "a.p12", "right")
    wrong = key(TRUSTSTORE, "wrong")

    assert (empty.exit, unknown.exit, wrong.exit) == (9, 9, 7)
    assert "no private key in it" in empty.out
    assert "an unsupported algorithm" in unknown.out
    assert "the passphrase does not open the key in " in wrong.err


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_any_damaged_pfx_has_an_answer(data: st.DataObject) -> None:
    octets = bytearray(data.draw(st.sampled_from([MODERN, OLD, PLAIN, TRUSTSTORE.read_bytes()])))
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))

    told = pfx.opening_error(bytes(octets), b"nope", name="a.p12")

    assert isinstance(told, MalformedError | KeyUnavailableError)


def test_a_locked_pkcs8_says_that_it_needs_its_pass_phrase() -> None:
    locked = EC_KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))

    assert isinstance(refused(locked, None), KeyUnavailableError)
    assert isinstance(refused(locked, b"nope"), KeyUnavailableError)
