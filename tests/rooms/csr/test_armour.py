"""The reader takes what browsers, mail and Windows make of a pasted CSR, and says what it repaired."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs7,
    pkcs12,
)
from stand_in.lab import EC_KEY, RSA_KEY, SAMPLES, make_csr

from ca.csr.armour import MAX_INPUT, extract_request
from ca.errors import MalformedError

PEM = (SAMPLES / "sbc1.csr").read_text()
BODY = "".join(PEM.splitlines()[1:-1])
DER = b64decode(BODY)


def test_a_clean_file_has_no_repairs() -> None:
    found = extract_request(PEM.encode())

    assert found.der == DER
    assert found.repairs == ()


@pytest.mark.parametrize(
    ("data", "repair"),
    [
        (PEM.replace("\n", "\r\n").encode(), "CR LF line ends were read"),
        (PEM.replace("\n", "\r").encode(), "CR line ends were read"),
        (b"\xef\xbb\xbf" + PEM.encode(), "a byte-order mark was skipped"),
        (PEM.encode("utf-16"), "the file is UTF-16, as Windows Notepad's 'Unicode'"),
        (b"\xfe\xff" + PEM.encode("utf-16-be"), "the file is UTF-16; it was read as such"),
        (PEM.encode("utf-16-le"), "UTF-16 without a byte-order mark"),
        (PEM.encode("utf-16-be"), "UTF-16 without a byte-order mark"),
        (("Dear colleague,\n\n" + PEM + "\nRegards").encode(), "text around the CSR was skipped"),
        ("".join(f"    {line}\n" for line in PEM.splitlines()).encode(), "indentation and blanks"),
        (PEM.replace("\n", "  \n").encode(), "indentation and blanks"),
        (f"-----BEGIN CERTIFICATE REQUEST-----\n{BODY}\n-----END CERTIFICATE REQUEST-----\n".encode(), "overlong lines were read"),
        (f"-----BEGIN CERTIFICATE REQUEST-----{BODY}-----END CERTIFICATE REQUEST-----\n".encode(), "overlong lines were read"),
        (PEM.replace("CERTIFICATE REQ", "NEW CERTIFICATE REQ").encode(), "BEGIN NEW CERTIFICATE REQUEST was read"),
        (PEM.rstrip("\n").encode(), "the final newline is missing"),
        (PEM.replace("-----", "\u2014\u2014").encode(), "the dashes of the BEGIN and END lines were mended"),
        (PEM.replace("-----", "----").encode(), "the dashes of the BEGIN and END lines were mended"),
        ("".join(f"> {line}\n" for line in PEM.splitlines()).encode(), "the quote marks of a mail were skipped"),
        (PEM.replace("\n", "\n\n").encode(), "blank lines were skipped"),
        (PEM.replace("REQUEST-----\n", "REQUEST-----\nComment: made by x\n\n", 1).encode(), "headers inside the armour"),
        (PEM.replace(BODY[:10], BODY[:10] + "\u200b").encode(), "invisible characters were skipped"),
        (DER, "the file is DER, not PEM; it was read as such"),
        (BODY.encode(), "base64 without BEGIN and END lines was read"),
        (f"{BODY}\n".encode("utf-16"), "base64 without BEGIN and END lines was read"),
        (PEM.encode() + b"\x1a", None),
    ],
)  # fmt: skip
def test_damage_is_repaired_and_said(data: bytes, repair: str | None) -> None:
    found = extract_request(data)

    assert found.der == DER
    if repair is not None:
        assert any(repair in each for each in found.repairs), found.repairs


def test_missing_padding_is_mended() -> None:
    data = make_csr(cn="sbc22.lab.example", key=EC_KEY).decode()
    bare = data.replace("=", "")

    found = extract_request(bare.encode())

    assert found.der == x509.load_pem_x509_csr(data.encode()).public_bytes(Encoding.DER)
    assert ("=" not in data) or "the '=' signs at the end were mended" in found.repairs


CERTIFICATE = (
    x509.CertificateBuilder()
    .subject_name(x509.Name([]))
    .issuer_name(x509.Name([]))
    .public_key(EC_KEY.public_key())
    .serial_number(1)
    .not_valid_before(__import__("datetime").datetime(2026, 1, 1))
    .not_valid_after(__import__("datetime").datetime(2027, 1, 1))
    .sign(EC_KEY, __import__("cryptography.hazmat.primitives.hashes", fromlist=["SHA256"]).SHA256())
)


def private(
    form: PrivateFormat, encoding: Encoding = Encoding.PEM, key: object = RSA_KEY, **rest: bytes
) -> bytes:
    secret = BestAvailableEncryption(rest["passphrase"]) if rest else NoEncryption()
    return key.private_bytes(encoding, form, secret)  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    "data",
    [
        private(PrivateFormat.PKCS8),
        private(PrivateFormat.TraditionalOpenSSL),
        private(PrivateFormat.TraditionalOpenSSL, key=EC_KEY),
        private(PrivateFormat.PKCS8, passphrase=b"x"),
        private(PrivateFormat.OpenSSH, key=EC_KEY),
        private(PrivateFormat.PKCS8, Encoding.DER),
        private(PrivateFormat.TraditionalOpenSSL, Encoding.DER),
        private(PrivateFormat.TraditionalOpenSSL, Encoding.DER, key=EC_KEY),
        private(PrivateFormat.PKCS8, Encoding.DER, passphrase=b"x"),
        b64encode(private(PrivateFormat.PKCS8, Encoding.DER)),
        PEM.encode() + private(PrivateFormat.PKCS8),
    ],
)
def test_a_private_key_is_refused_with_a_warning(data: bytes) -> None:
    with pytest.raises(MalformedError, match=r"\*private key\*") as refusal:
        extract_request(data)

    assert "treat the key as exposed" in str(refusal.value.hint)


P12 = pkcs12.serialize_key_and_certificates(
    b"x", EC_KEY, CERTIFICATE, None, BestAvailableEncryption(b"x")
)
P7B = pkcs7.serialize_certificates([CERTIFICATE], Encoding.DER)
DSA = dsa.generate_private_key(1024)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the input is empty"),
        (b" \n\t", "the input is empty"),
        (CERTIFICATE.public_bytes(Encoding.PEM), "is a certificate, not a CSR"),
        (CERTIFICATE.public_bytes(Encoding.DER), "is a certificate, not a CSR"),
        (P7B, "is a PKCS#7 bundle, not a CSR"),
        (pkcs7.serialize_certificates([CERTIFICATE], Encoding.PEM), "is a PKCS#7 bundle"),
        (P12, "is a PKCS#12 file"),
        (RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "is a public key"),
        (RSA_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), "is a public key"),
        (RSA_KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH), "is an SSH key"),
        (PEM.encode() * 2, "holds 2 CSRs"),
        (b"<!DOCTYPE html><html><body>Create CSR</body></html>", "is an HTML page"),
        (b"hello", "holds no CSR"),
        (PEM.split("-----END")[0].encode(), "has no END line"),
        (PEM.split("\n", 1)[1].encode(), "has no BEGIN line"),
        (b"x" * (MAX_INPUT + 1), f"more than {MAX_INPUT} octets"),
        (PEM.replace("MII", "M!I", 1).encode(), "not valid base64: it has the character '!'"),
        (b"\x30\x82\xff\xff\x00", "is cut off or damaged"),
        (b"\x30\x03\x02\x01\x00", "is DER, but not a CSR"),
        (b"-----BEGIN DH PARAMETERS-----\nMAYCAQA=\n-----END DH PARAMETERS-----\n", "is a file of Diffie-Hellman parameters, not a CSR"),
        (bytes(range(256)), "holds no CSR"),
    ],
)  # fmt: skip
def test_everything_else_is_refused_by_what_it_is(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=re.escape(message)):
        extract_request(data)


def test_a_crl_is_named() -> None:
    import datetime

    from cryptography.hazmat.primitives import hashes

    now = datetime.datetime(2026, 1, 1)
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(x509.Name([]))
        .last_update(now)
        .next_update(now + datetime.timedelta(days=1))
        .sign(EC_KEY, hashes.SHA256())
    )

    for encoding in (Encoding.PEM, Encoding.DER):
        with pytest.raises(MalformedError, match="is a CRL, not a CSR"):
            extract_request(crl.public_bytes(encoding))


def test_an_answer_comes_in_linear_time_for_much_dashed_rubbish() -> None:
    import time

    rubbish = ("-----BEGIN " + "A " * 60) * 2000
    begun = time.process_time()

    with pytest.raises(MalformedError):
        extract_request(rubbish.encode()[:MAX_INPUT])

    assert time.process_time() - begun < 5
