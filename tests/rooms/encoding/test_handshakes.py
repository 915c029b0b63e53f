"""Handshakes that other programs wrote down."""

from __future__ import annotations

import base64
import contextlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from stand_in.lab import EC_KEY, NOW

from ca.encoding.bundles import read_bundle
from ca.encoding.handshakes import read_handshake
from ca.errors import MalformedError

EXPORTS = {
    "json": '"tls.handshake.certificate": "{colons}",',
    "ek": '"tls_tls_handshake_certificate":["{colons}"]',
    "fields": "0x16\t{hex}\n",
    "pdml": '<field name="tls.handshake.certificate" size="9" value="{hex}"/>',
}


@pytest.fixture(scope="module")
def der() -> bytes:
    """A small certificate that signed itself."""

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "peer.lab.example")])
    builder = x509.CertificateBuilder(
        name, name, EC_KEY.public_key(), 5, NOW, NOW.replace(year=2036)
    )
    return builder.sign(EC_KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def pem(der: bytes) -> bytes:
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n".encode()


@pytest.mark.parametrize("export", sorted(EXPORTS))
def test_each_of_tshark_s_formats_gives_the_certificates(der: bytes, export: str) -> None:
    text = EXPORTS[export].format(colons=der.hex(":"), hex=der.hex())

    seen = read_handshake(text.encode(), what="'x'")

    assert seen.chain == (der,)


def test_the_leaf_that_s_client_repeats_is_one(der: bytes) -> None:
    text = (
        b"Certificate chain\n 0 s:CN = peer\n" + pem(der) + b"---\nServer certificate\n" + pem(der)
    )

    assert read_handshake(text, what="'x'").chain == (der,)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (
            "error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:SSL alert number 48",
            48,
        ),
        ('"tls.alert_message.level": "2",\n"tls.alert_message.desc": "43"', 43),
        ("Alert Message\n    Level: Fatal (2)\n    Description: Bad Certificate (42)", 42),
    ],
)
def test_an_alert_alone_is_a_handshake_that_failed(text: str, number: int) -> None:
    seen = read_handshake(text.encode(), what="'x'")

    assert (seen.alert, seen.chain, seen.complete) == (number, (), False)


def test_version_and_the_ca_names_asked_for_are_read(der: bytes) -> None:
    text = (
        pem(der)
        + b"Acceptable client certificate CA names\nCN = Other Root\nO = B\nRequested Signature Algorithms: x\n"
        + b"    Protocol  : TLSv1.2\n"
    )

    seen = read_handshake(text, what="'x'")

    assert seen.accepted_issuers == ("CN = Other Root", "O = B")
    assert (seen.asks_certificate, seen.version) == (True, "TLS 1.2")


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"3082" * 400, b"\xff" * 1000, b"SSL alert number 999"]
)
def test_what_holds_no_handshake_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match="neither a certificate nor a TLS alert") as caught:
        read_handshake(data, what="'seen.txt'")

    assert "openssl s_client -showcerts" in str(caught.value.hint)


@given(st.binary(max_size=3_000))
def test_no_octets_do_harm(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        read_handshake(data, what="'x'")


def test_a_pem_list_keeps_its_order(der: bytes) -> None:
    assert [each.der for each in read_bundle(pem(der), what="'x'").members] == [der]
