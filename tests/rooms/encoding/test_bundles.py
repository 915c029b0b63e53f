"""Files of certificates: what is mended, what is named, and that the time grows with the size."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_in.odd import as_pem, certificate, pkcs7

from ca.encoding import ber, der, pem
from ca.encoding.bundles import Bundle, first_certificate, read_bundle
from ca.encoding.pkcs7 import certs_only, read_certs_only
from ca.errors import MalformedError

SIGNATURE = bytes(70)  # of no key, but of one length: a real one has 70 to 72 octets
LENGTHS = (certificate(cn, signature=SIGNATURE) for cn in ("A", "AA"))
A = next(each for each in LENGTHS if len(each) % 3)  # so that its base64 ends with an equals sign
B = certificate("B")
PEM = as_pem(A)
AUX = der.sequence(der.sequence(der.encode_oid("1.3.6.1.5.5.7.3.1")))
"""openssl's trust settings, as they stand behind a TRUSTED CERTIFICATE."""


def indefinite(data: bytes) -> bytes:
    """A PKCS#7 as Windows and Java write it: its outer values without lengths."""
    outer = der.read(data)
    kind, explicit = outer.children()
    (signed,) = explicit.children()
    inside = signed.contents
    return b"".join([b"\x30\x80", kind.raw, b"\xa0\x80", b"\x30\x80", inside, *[b"\x00\x00"] * 3])


def members(data: bytes) -> list[bytes]:
    return [each.der for each in read_bundle(data, what="'f'").members]


READ: dict[str, tuple[bytes, str]] = {
    "UTF-16 with a mark": (PEM.decode().encode("utf-16"), "UTF-16"),
    "UTF-16 without one": (PEM.decode().encode("utf-16-be"), "UTF-16 without a byte-order mark"),
    "bare base64": (b64encode(A), "base64 without BEGIN and END lines"),
    "trusted": (pem.encode(A + AUX, "TRUSTED CERTIFICATE").encode(), "openssl's trust settings"),
    "X509": (pem.encode(A, "X509 CERTIFICATE").encode(), "BEGIN X509 CERTIFICATE was read as"),
    "octets behind": (pem.encode(A + b"\x00\x01\x02").encode(), "3 octets after"),
    "octets behind DER": (A + b"rubbish", "7 octets after"),
    "quoted in a mail": (b"".join(b"> " + line + b"\n" for line in PEM.splitlines()), "quote marks"),
    "dashes of a word processor": (PEM.decode().replace("-----", "\u2014\u2014").encode(), "dashes"),
    "headers inside": (PEM.replace(b"-----\n", b"-----\nProc-Type: x\n\n", 1), "headers inside"),
    "as in JSON": (b'{"cert": "' + PEM.replace(b"\n", b"\\n") + b'"}', "JSON escapes"),
    "PKCS#7 as certificate": (pem.encode(certs_only([A])).encode(), "PKCS#7 in a CERTIFICATE"),
    "no equals signs": (PEM.replace(b"=", b""), "'=' signs"),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(READ))
def test_a_file_that_others_have_handled_is_read_and_what_was_mended_is_said(kind: str) -> None:
    data, said = READ[kind]

    bundle = read_bundle(data, what="'f'")

    assert [each.der for each in bundle.members] == [A]
    assert any(said in each for each in bundle.repairs), bundle.repairs


@pytest.mark.parametrize(
    "data",
    [
        PEM, b"\xef\xbb\xbf" + PEM, PEM.replace(b"\n", b"\r\n"), PEM.replace(b"\n", b"\r"), A, A + b"\n", certs_only([A]),
        pem.encode(certs_only([A]), "PKCS7").encode(), pem.encode(certs_only([A]), "CMS").encode(),
        pem.encode(certs_only([A]), "PKCS #7 SIGNED DATA").encode(),
        indefinite(certs_only([A])), pem.encode(indefinite(certs_only([A])), "PKCS7").encode(),
    ],
)  # fmt: skip
def test_the_usual_forms_are_read_without_a_word(data: bytes) -> None:
    bundle = read_bundle(data, what="'f'")

    assert [each.der for each in bundle.members] == [A]
    assert bundle.repairs == ()


def test_certificates_one_behind_the_other_in_der_are_all_read() -> None:
    assert members(A + B) == [A, B]
    assert members(b64encode(A + B)) == [A, B]


OTHERS: dict[str, tuple[bytes, str]] = {
    "JKS": (b"\xfe\xed\xfe\xed\x00\x00\x00\x02", "a Java keystore (JKS)"),
    "JCEKS": (b"\xce\xce\xce\xce\x00\x00\x00\x02", "a Java keystore (JCEKS)"),
    "PFX": (der.sequence(der.encode_integer(3), certs_only([A])), "a PKCS#12 file"),
    "BER PFX": (b"\x30\x80\x02\x01\x03" + indefinite(certs_only([A])) + b"\x00\x00", "a PKCS#12 file"),
    "CSR": (der.signed(der.sequence(der.encode_integer(0), der.sequence(), der.sequence(), b"\xa0\x00"), der.sequence(), b""), "a CSR"),
    "CRL": (der.signed(der.sequence(der.sequence(), der.sequence(), der.tlv(der.UTC_TIME, b"260101000000Z")), der.sequence(), b""), "a CRL"),
    "key": (der.sequence(der.encode_integer(0), der.sequence(), der.tlv(4, b"")), "a private key (PKCS#8)"),
    "locked key": (der.sequence(der.sequence(), der.tlv(4, b"")), "a private key (encrypted PKCS#8)"),
    "SSH": (b"ssh-ed25519 AAAA me@here\n", "an SSH key"),
    "PuTTY": (b"PuTTY-User-Key-File-3: ssh-rsa\n", "an SSH key (PuTTY)"),
    "HTML": (b"\n<!DOCTYPE html><html></html>", "an HTML page"),
    "ZIP": (b"PK\x03\x04rest", "a ZIP archive"),
    "PDF": (b"%PDF-1.7", "a PDF document"),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_a_file_of_another_form_is_named(kind: str) -> None:
    data, said = OTHERS[kind]

    with pytest.raises(MalformedError) as refused:
        read_bundle(data, what="'f'")

    assert refused.value.message == f"'f' is {said}, not a certificate"
    assert refused.value.hint


@pytest.mark.parametrize(
    ("label", "said"),
    [("CERTIFICATE REQUEST", "a CSR"), ("X509 CRL", "a CRL"), ("PGP MESSAGE", "a PGP message"), ("RSA PRIVATE KEY", "a private key"), ("FOO", "a PEM file of FOO")],
)  # fmt: skip
def test_a_pem_file_of_another_label_is_named(label: str, said: str) -> None:
    with pytest.raises(MalformedError, match=f"'f' is {said}, not a certificate"):
        first_certificate(pem.encode(b"\x30\x00", label).encode(), what="'f'")


@pytest.mark.parametrize(
    ("data", "line", "said"),
    [
        (PEM.replace(b"M", b"!", 1), 1, "the block is not valid base64: it has the character '!'"),
        (PEM[:-30], 1, "the CERTIFICATE block has no END line"),
        (b"x\n" + PEM.split(b"\n", 1)[1], PEM.count(b"\n"), "the CERTIFICATE block has no BEGIN line"),
        (pem.encode(A[:-9]).encode(), 1, "the certificate is cut off or damaged"),
        (pem.encode(OTHERS["CSR"][0]).encode(), 1, "its BEGIN line says CERTIFICATE, but it is a CSR"),
        (pem.encode(b"\x30\x0d\x06\x09*\x86H\x86\xf7\x0d\x01\x07\x02\xa0\x00", "PKCS7").encode(), 1, "the PKCS#7 is cut off or damaged"),
        (pem.encode(pkcs7(), "PKCS7").encode(), 1, "this PKCS#7 has no certificates"),
    ],
)  # fmt: skip
def test_a_damaged_block_is_told_by_its_line_and_the_others_are_read(
    data: bytes, line: int, said: str
) -> None:
    alone = read_bundle(data + b"\n", what="'f'")
    between = read_bundle(as_pem(B) + data + b"\n" + as_pem(B), what="'f'")

    assert [(each.line, said in each.reason) for each in alone.damaged] == [(line, True)]
    assert [each.der for each in between.members] == [B, B]
    assert len(between.damaged) == 1
    with pytest.raises(MalformedError, match=f"'f' line {line}: "):
        first_certificate(data, what="'f'")


def test_lines_are_counted_through_the_whole_file() -> None:
    bundle = read_bundle(b"one\ntwo\n" + PEM + b"\n\nstray\n" + PEM, what="'f'")

    size = PEM.count(b"\n")
    assert [each.line for each in bundle.members] == [3, 3 + size + 3]
    assert bundle.strays == (1, 2, 3 + size + 2)


class Counting(str):
    """Text that counts how many characters are looked at when lines are counted."""

    looked = 0

    def count(self, *words: Any) -> int:
        start, end = (*words[1:], 0, len(self))[:2] if len(words) > 1 else (0, len(self))
        Counting.looked += end - start
        return super().count(*words)

    def __getitem__(self, key: Any) -> str:
        return Counting(super().__getitem__(key))


@pytest.mark.parametrize("data", [PEM, b"-----BEGIN X-----\n", b"-----END X-----\n", b"junk\n"])
def test_the_work_grows_with_the_file_and_no_faster(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_counting(octets: bytes, _: list[str]) -> str:
        return Counting(octets.decode())

    monkeypatch.setattr("ca.encoding.bundles.decode_text", as_counting)
    looked = []
    for times in (50, 400):
        Counting.looked = 0
        read_bundle(data * times + PEM, what="'f'")
        looked.append(Counting.looked)

    assert looked[0] > 0
    assert looked[1] <= 9 * looked[0]


def test_of_many_damaged_blocks_the_first_are_told_and_the_others_counted() -> None:
    bundle = read_bundle(b"-----BEGIN CERTIFICATE-----\n" * 5000 + PEM, what="'f'")

    assert len(bundle.damaged) == 101
    assert bundle.damaged[-1].reason == "4900 more blocks cannot be read"
    assert [each.der for each in bundle.members] == [A]


@pytest.mark.parametrize("members", [[A], [A, B], [B, A], [A, B, A]])
def test_a_pkcs7_is_written_as_der_wants_it(members: list[bytes]) -> None:
    made = certs_only(members)

    assert made == pkcs7(*members)
    assert read_certs_only(made) == sorted(members)


def test_a_pkcs7_of_no_certificates_is_not_written() -> None:
    with pytest.raises(ValueError, match="of no certificates"):
        certs_only([])


def test_a_pkcs7_is_read_where_one_of_its_certificates_cannot_be() -> None:
    """As cryptography's own reader does not: it refuses them all."""
    odd = der.sequence(b"")

    assert read_certs_only(pkcs7(A, odd, B)) == sorted([A, odd, B])


def test_ber_becomes_der_and_der_stays_as_it_is() -> None:
    pieces = b"\x24\x80\x04\x02ab\x04\x01c\x00\x00"
    deep = b"\x30\x80" * 100 + b"\x00\x00" * 100

    assert ber.to_definite_lengths(A) == A
    assert ber.to_definite_lengths(pieces) == der.tlv(4, b"abc")
    assert ber.to_definite_lengths(b"\x30\x04" + b"\x30\x80\x00\x00") == b"\x30\x02\x30\x00"
    assert read_certs_only(indefinite(certs_only([A, B]))) == sorted([A, B])
    for bad in (deep, b"\x30\x80\x02\x01\x01", b"\x04\x80\x00\x00", b"", A + b"\x00"):
        with pytest.raises(MalformedError):
            ber.to_definite_lengths(bad)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_any_octets_are_read_or_refused(data: st.DataObject) -> None:
    forms = [PEM + as_pem(B), certs_only([A, B]), indefinite(certs_only([A])), A, b64encode(A), PEM.decode().encode("utf-16")]  # fmt: skip
    made = bytearray(data.draw(st.sampled_from(forms)))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(made) - 1))
        made[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))

    try:
        found = read_bundle(bytes(made), what="'f'")
    except MalformedError:
        return

    assert isinstance(found, Bundle)
